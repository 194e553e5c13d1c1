"""People and rows for looking at pages, created directly in the running panel to save waiting.

The account is the demo's reseller, in another team: it has the demonstration's servers, disks and products.
"""

import json
from dataclasses import asdict, dataclass
from decimal import Decimal

from django.utils import timezone

from hosting.accounts.connect import connect
from hosting.accounts.models import Account, Endpoint
from hosting.management.commands.prepare import DEMO_API_PASSWORD, DEMO_LOGIN
from hosting.operations.models.bulk import Bulk
from hosting.teams.models import Membership, Team
from hosting.teams.people import links
from hosting.teams.roles import Role
from hosting.teams.tokens import issuing
from hosting.teams.tokens.models import ApiToken
from tests import factories

PASSWORD = "l00k-at-every-page"
# Of the demonstration (hosting/provider/seed.py).
SERVER, RUNNING_SERVER, STOPPED_SERVER, DISK, FREE_DISK, PRODUCT = 456, 2001, 9876, 123, 1928, 1234
# A customer of the provider who has nothing, and whose password is known.
EMPTY_LOGIN, EMPTY_PASSWORD = "ZZ9001-GANDI", "somebody3lse"


@dataclass(frozen=True)
class Scene:
    """Email addresses of people, and ids of accounts and of rows of `account`."""

    owner: str
    viewer: str
    newcomer: str
    account: int
    empty_account: int
    operation: int
    unconfirmed: int
    plan: int
    bulk: int
    tag: int
    view: int
    team: int
    member: int
    invitation: int
    # Where that is accepted.
    link: str
    token: int
    own_key: int
    team_key: int


def make() -> None:
    """Create the scene and print it as JSON."""
    team = Team.objects.create(name="Look team")
    owner = _member(team, "owner@look.example", Role.OWNER)
    viewer = _member(team, "viewer@look.example", Role.VIEWER)
    newcomer = _member(Team.objects.create(name="New team"), "new@look.example", Role.OWNER)
    # Where a password is changed is a page for those who have one.
    newcomer.user.set_password(PASSWORD)
    newcomer.user.save()
    account = _account(owner, "Aurore", DEMO_LOGIN, DEMO_API_PASSWORD)
    empty = _account(owner, "Nothing yet", EMPTY_LOGIN, EMPTY_PASSWORD)
    failed = factories.operation(
        account,
        by=owner,
        kind="vm_reboot",
        params={"vm_id": SERVER},
        vm_id=SERVER,
        subject="web1",
        state="failed",
        problem={"reason": "ended_in_error", "text": "the VM did not answer in time"},
    )
    # Of a product that nobody has: a person's word on it harms nobody.
    unconfirmed = factories.operation(
        account,
        by=owner,
        kind="hosting_account_product_add",
        params={"product_name": "shares", "quantity": 2, "duration": "1m"},
        subject="2 shares",
        vm_id=None,
        state="uncertain",
        needs_person=True,
        problem={"reason": "no_answer"},
    )
    purchase = {
        "kind": "hosting_account_product_add",
        "params": {"product_name": "shares", "quantity": 4, "duration": "1m"},
        "subject": "4 shares",
        "vm_id": None,
        "state": "done",
        "currency": "EUR",
    }
    late = factories.operation(
        account, by=owner, **purchase, late_at=timezone.now(), product_id=PRODUCT, cost=Decimal(48)
    )
    factories.operation(account, by=owner, **purchase, retry_of=late, cost=Decimal(48))
    plan = factories.plan(account, by=owner)
    bulk = factories.bulk(account, by=owner, state=Bulk.State.PAUSED, problem=Bulk.Problem.AWAY)
    bulk.rows.filter(pk=bulk.rows.latest("pk").pk).update(state="failed", problem="busy")
    invitation = factories.invitation(team, by=owner)
    scene = Scene(
        owner=owner.user.email,
        viewer=viewer.user.email,
        newcomer=newcomer.user.email,
        account=account.pk,
        empty_account=empty.pk,
        operation=failed.pk,
        unconfirmed=unconfirmed.pk,
        plan=plan.pk,
        bulk=bulk.pk,
        tag=factories.tag(team, "web farm").pk,
        view=factories.saved_view(owner, "Stopped").pk,
        team=team.pk,
        member=viewer.pk,
        invitation=invitation.pk,
        link=links.path_to(invitation),
        token=_tokens(owner, account).pk,
        own_key=factories.ssh_key(owner.user, "laptop", line=factories.public_key("me@laptop")).pk,
        team_key=factories.ssh_key(team, "deploy key", by=owner.user).pk,
    )
    print(json.dumps(asdict(scene)))


def make_fleet(login: str, password: str) -> None:
    """Create a member and an account with these credentials; print the member's address and the account's id."""
    owner = _member(Team.objects.create(name="Fleet team"), "fleet@look.example", Role.OWNER)
    print(json.dumps([owner.user.email, _account(owner, "Fleet", login, password).pk]))


def _tokens(owner: Membership, account: Account) -> ApiToken:
    """Create tokens in every state a list can show; return a team token."""
    factories.new_token(owner, "nightly report", accounts=[account], allowed_from=["192.0.2.0/24", "2001:db8::/32"])
    issuing.revoke(factories.new_token(owner, "lost laptop").token, by=owner)
    soon = factories.token(owner, "ends soon", days=7)
    ApiToken.objects.filter(pk=soon.pk).update(created_by=None, last_used_at=timezone.now(), last_used_from="192.0.2.7")
    return factories.token(owner, "deploy")


def _member(team: Team, email: str, role: Role) -> Membership:
    return factories.member(role, of=team, person=factories.user(email, name=email.partition("@")[0].title()))


def _account(by: Membership, label: str, login: str, password: str) -> Account:
    endpoint = Endpoint.objects.get(offered=True)
    return connect(by=by, endpoint=endpoint, label=label, login=login, handle=login, password=password)
