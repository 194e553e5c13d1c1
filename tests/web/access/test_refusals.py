"""What a signed-in person is refused has a line in the audit log, wherever the refusal comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team
from hosting.teams.people import links
from hosting.teams.rejection import Refusal
from hosting.teams.roles import Permission, Role
from hosting.web.audit import wording
from tests import factories
from tests.web.access.signing_in import PASSWORD
from tests.web.views.test_approvals import held


@dataclass
class Scene:
    """A member with a role, their browser and an account of the team."""

    member: Membership
    client: Client
    account: Account

    def post(self, page: str, /, *arguments: object, **data: object) -> int:
        return self.client.post(reverse(page, args=arguments), data).status_code


def scene(role: str, account: Account, **fields: object) -> Scene:
    member = factories.member(role, of=account.team, **fields)  # type: ignore[arg-type]
    member.user.set_password(PASSWORD)
    member.user.save()
    client = Client()
    client.force_login(member.user)
    return Scene(member, client, account)


def approve_own(account: Account) -> Scene:
    one = scene(Role.BILLING, account)
    operation = held(account, one.member)
    one.post("team_approvals_decide", one.member.team_id, decision="approve", operation=operation.pk)
    return one


def approve_own_among_others(account: Account) -> Scene:
    one = scene(Role.BILLING, account)
    operations = [held(account, one.member).pk, held(account, factories.member(of=account.team)).pk]
    one.post("team_approvals_decide", one.member.team_id, decision="refuse", operation=operations)
    return one


def approve_of_another_team(account: Account) -> Scene:
    one = scene(Role.BILLING, account)
    other = factories.member()
    operation = held(factories.account(other.team), other)
    one.post("team_approvals_decide", one.member.team_id, decision="approve", operation=operation.pk)
    return one


def stop_server_of_a_hidden_account(account: Account) -> Scene:
    one = scene(Role.OPERATOR, account, narrowed=True)
    assert one.post("server_stop", account.pk, factories.vm(account).remote_id) == 404
    return one


def stop_missing_server(account: Account) -> Scene:
    one = scene(Role.OPERATOR, account)
    assert one.post("server_stop", account.pk, 987654321) == 404
    return one


def rename_another_team(account: Account) -> Scene:
    one = scene(Role.OWNER, account)
    assert one.post("team_settings", factories.team().pk, name="x", bulk_at_once=1) == 404
    return one


def end_session_of_another_person(account: Account) -> Scene:
    one = scene(Role.VIEWER, account)
    assert one.post("session_end", 987654321) == 404
    return one


def give_a_greater_role(account: Account) -> Scene:
    one = scene(Role.ADMIN, account)
    other = factories.member(Role.VIEWER, of=account.team)
    assert one.post("member", account.team_id, other.pk, role=Role.OWNER, reach="all") == 422
    return one


def invite_to_a_greater_role(account: Account) -> Scene:
    one = scene(Role.ADMIN, account)
    data = {"email": "x@example.org", "role": Role.OWNER, "reach": "all", "days": 7}
    assert one.post("invite", account.team_id, **data) == 422
    return one


def invite_beyond_the_own_membership(account: Account) -> Scene:
    one = scene(Role.ADMIN, account, expires_at=timezone.now() + timedelta(days=3))
    data = {"email": "x@example.org", "role": Role.VIEWER, "reach": "all", "days": 7}
    assert one.post("invite", account.team_id, **data) == 422
    return one


def create_a_greater_token(account: Account) -> Scene:
    one = scene(Role.OPERATOR, account)
    data = {"name": "t", "permissions": ["spend"], "reach": "all", "days": 7}
    assert one.post("my_token_new", account.team_id, **data) == 422
    return one


def connect_to_a_team_without_the_permission(account: Account) -> Scene:
    one = scene(Role.VIEWER, account)
    factories.member(person=one.member.user)
    data = {"team": account.team_id, "label": "L", "login": "L", "handle": "H", "password": "passw0rd-1"}
    assert one.post("connect", **data) == 422
    return one


def delete_in_quiet_hours(account: Account) -> Scene:
    one = scene(Role.OPERATOR, account)
    until = (timezone.now() - timedelta(hours=1)).time()
    Team.objects.filter(pk=account.team_id).update(
        quiet_from=time(until.hour, until.minute), quiet_until=time((until.hour + 3) % 24), quiet_zone="UTC"
    )
    vm = factories.vm(account, "web-1", state="halted")
    assert one.post("server_delete", account.pk, vm.remote_id, name="web-1") == 422
    return one


def accept_the_invitation_of_somebody_else(account: Account) -> Scene:
    one = scene(Role.VIEWER, account)
    other = factories.member()
    page = links.path_to(factories.invitation(other.team, by=other))
    assert one.client.post(page).status_code == 403
    return one


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [
        (approve_own, Refusal.OWN_REQUEST),
        (approve_own_among_others, Refusal.OWN_REQUEST),
        (approve_of_another_team, Refusal.NOT_FOUND),
        (stop_server_of_a_hidden_account, Refusal.NOT_FOUND),
        (stop_missing_server, Refusal.NOT_FOUND),
        (rename_another_team, Refusal.NOT_FOUND),
        (end_session_of_another_person, Refusal.NOT_FOUND),
        (give_a_greater_role, Permission.OPERATE),
        (invite_to_a_greater_role, Permission.OPERATE),
        (invite_beyond_the_own_membership, Refusal.OUTLIVES),
        (create_a_greater_token, Permission.SPEND),
        (connect_to_a_team_without_the_permission, Permission.MANAGE_ACCOUNTS),
        (delete_in_quiet_hours, Refusal.QUIET_HOURS),
        (accept_the_invitation_of_somebody_else, Refusal.OTHER_ADDRESS),
    ],
)
def test_refusal_has_a_line_in_the_audit_log(
    account: Account, attempt: Callable[[Account], Scene], reason: str
) -> None:
    one = attempt(account)
    line = AuditEntry.objects.get(action="page.refused", team=account.team_id)
    assert (line.actor_id, line.outcome, line.detail["reason"]) == (one.member.user_id, "refused", reason)
    assert list(wording.more_words(line)), "the page says why"


def test_wrong_current_password_is_recorded_without_flooding_the_audit_log(account: Account) -> None:
    one = scene(Role.VIEWER, account)
    wrong = {"oldpassword": "wr0ng-planted", "password1": "an0ther-long-one", "password2": "an0ther-long-one"}
    for _ in range(4):
        one.client.post("/auth/password/change/", wrong)
    line = AuditEntry.objects.get(action="person.password_failed")
    assert (line.actor_id, line.outcome, line.detail) == (one.member.user_id, "failed", {"attempts": 1})
    assert "planted" not in str(list(AuditEntry.objects.values()))


def test_refused_passkey_is_recorded(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    one = scene(Role.VIEWER, account)
    Authenticator.objects.create(user=one.member.user, type=Authenticator.Type.WEBAUTHN, data={"name": "Key"})
    # The page would offer the key, and this one is none.
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.begin_authentication", lambda _user: {})
    assert one.client.post("/auth/2fa/webauthn/reauthenticate/", {"credential": "{}"}).status_code == 200
    assert AuditEntry.objects.get(action="person.factor_failed").detail["factor"] == "webauthn"


def test_opening_a_missing_page_is_no_refusal(account: Account) -> None:
    one = scene(Role.OPERATOR, account)
    assert one.client.get(reverse("server", args=[account.pk, 987654321])).status_code == 404
    assert not AuditEntry.objects.exists()


def test_refusals_of_one_person_do_not_fill_the_audit_log(account: Account) -> None:
    one = scene(Role.OPERATOR, account)
    for name in ("server_stop", "server_start", "server_reboot", "server_delete", "disk_attach", "disk_detach"):
        for number in range(900_000, 900_010):
            assert one.post(name, account.pk, number) == 404
    lines = AuditEntry.objects.filter(action="page.refused")
    assert [line.detail["times"] for line in lines.filter(detail__page="server_stop").order_by("pk")] == [1, 10]
    assert lines.count() == 12


def test_person_who_tries_every_page_leaves_a_limited_number_of_lines(account: Account) -> None:
    one = scene(Role.VIEWER, account)
    pages = [
        *("login", "account_settings", "handle_new", "shares_add", "server_new", "server_alone", "disk_new"),
        *("tag_new", "servers_tags", "disks_tags"),
    ]
    for name in pages:
        one.client.get(reverse(name, args=[account.pk]))
        one.post(name, account.pk)
    of_team = ("team_settings", "invite", "team_spending_limits", "team_policies", "team_transfer", "team_token_new")
    for name in of_team:
        one.post(name, account.team_id)
    for name in ("server_stop", "server_start", "server_reboot", "server_delete", "server_resize", "disk_attach"):
        one.post(name, account.pk, 987654321)
    assert 10 < AuditEntry.objects.filter(action="page.refused").count() <= 21
