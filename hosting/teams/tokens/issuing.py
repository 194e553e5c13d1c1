"""Create and revoke API tokens. `use` authenticates requests that are made with them.

Nobody can give a token permissions that they lack. A personal token never has more permissions than its owner's role
has at the moment of use. A team token keeps its permissions until it ends, also when its creator leaves.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams import names
from hosting.teams.access import networks
from hosting.teams.audit.log import record
from hosting.teams.models import Membership, OfTeam
from hosting.teams.people.membership_rules import lock_team, outlives
from hosting.teams.rejection import Invalid, Refusal, invalid
from hosting.teams.roles import NotAllowedError, Permission
from hosting.teams.tokens import secrets as token_secrets
from hosting.teams.tokens.models import ApiToken

# The permissions that a token can have. Consoles, managing people, changing policies and approving are left to people,
# who sign in in person.
GRANTABLE = (
    Permission.VIEW,
    Permission.OPERATE,
    Permission.DELETE,
    Permission.SPEND,
    Permission.MANAGE_ACCOUNTS,
    Permission.READ_AUDIT,
)
# Lifetimes in days. Every token ends, so that a forgotten one does not give access for ever.
USUAL_DAYS, MOST_DAYS = 90, 365
# The most live tokens of one person in a team, or of one team.
MOST = 50
MOST_NETWORKS = 20
LONGEST_NAME = 60


@dataclass(frozen=True)
class NewToken:
    """A token and its secret, which cannot be read again."""

    token: ApiToken
    secret: str = field(repr=False)


def grantable(by: Membership) -> list[Permission]:
    """The permissions that the member can give to a token."""
    return [permission for permission in GRANTABLE if permission in by.permissions()]


def require_may_create(by: Membership, *, personal: bool) -> None:
    """Require what is needed to create a token: for a team token, managing the people of the whole team.

    Raises:
        NotAllowedError: the member does not manage people, or is a token: tokens cannot create tokens.
    """
    if by.person is None or by.via.token_id is not None:
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    if not personal:
        by.require_for_all(Permission.MANAGE_PEOPLE)


def create(
    name: str,
    *,
    by: Membership,
    personal: bool,
    permissions: Collection[Permission],
    accounts: Sequence[OfTeam] | None = None,
    allowed_from: Sequence[str] = (),
    days: int = USUAL_DAYS,
) -> NewToken:
    """Create a token of the member or of their team. It always has the permission to view.

    `accounts` None covers all accounts of the member's role, or of the team; `allowed_from` are addresses and networks,
    empty for everywhere; it ends after `days`.

    Raises:
        NotAllowedError: the member lacks one of its permissions or accounts, or may not create such a token.
        Invalid: an invalid input; the message says what to correct.
    """
    with invalid("name"):
        name = names.checked(name, names.OF_ACTOR, most=LONGEST_NAME)
    if not 1 <= days <= MOST_DAYS:
        raise Invalid(_("A token can be valid for one day to one year."), field="days")
    allowed = _networks(allowed_from)
    secret = token_secrets.new(token_secrets.PERSONAL if personal else token_secrets.OF_TEAM)
    with transaction.atomic():
        # One token of a team at a time, because names are compared and tokens counted.
        lock_team(by)
        require_may_create(by, personal=personal)
        held = _permissions(permissions, by)
        chosen = None if accounts is None else _accounts(accounts, by)
        _require_room(name, by, personal=personal)
        end = timezone.now() + timedelta(days=days)
        # A personal token ends with the membership anyway.
        if not personal and outlives(end, by):
            raise Invalid(
                _("Your own membership ends before that. Choose fewer days."), field="days", refusal=Refusal.OUTLIVES
            )
        token = ApiToken.objects.create(
            team=by.team,
            owner=by.person if personal else None,
            membership=by if personal else None,
            created_by=by.person,
            name=name,
            digest=token_secrets.digest(secret),
            prefix=token_secrets.shown(secret),
            permissions=held,
            narrowed=chosen is not None,
            networks=allowed,
            expires_at=end,
        )
        token.accounts.set(chosen or ())
        record(by.team, by=by, action="token.created", subject=name, thing=_thing(token), after=_as_json(token, chosen))
    return NewToken(token, secret)


def may_revoke(token: ApiToken, *, by: Membership) -> bool:
    """Whether the member may revoke the token: their own, or any if they manage the whole team's people.

    Tokens may not revoke tokens.
    """
    if token.team_id != by.team_id or by.person is None or by.via.token_id is not None:
        return False
    return token.owner_id == by.user_id or by.may_for_all(Permission.MANAGE_PEOPLE)


def require_may_revoke(token: ApiToken, *, by: Membership) -> None:
    """Require `may_revoke`.

    Raises:
        NotAllowedError: the token is not the member's own, and they do not manage people.
    """
    if not may_revoke(token, by=by):
        raise NotAllowedError(Permission.MANAGE_PEOPLE)


def revoke(token: ApiToken, *, by: Membership) -> bool:
    """Revoke a token: the next request with it is refused. False when it was revoked already.

    Raises:
        NotAllowedError: as `require_may_revoke`.
    """
    require_may_revoke(token, by=by)
    with transaction.atomic():
        ended = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
        if ended:
            record(by.team, by=by, action="token.revoked", subject=token.name, thing=_thing(token))
    return bool(ended)


def _permissions(asked: Collection[Permission], by: Membership) -> list[str]:
    for permission in asked:
        if permission not in GRANTABLE:
            raise Invalid(_("Tokens can't have this permission. A member must do it in person."), field="permissions")
        if not by.may(permission):
            raise NotAllowedError(permission)
    return [permission.value for permission in GRANTABLE if permission in asked or permission == Permission.VIEW]


def _accounts(asked: Sequence[OfTeam], by: Membership) -> list[int]:
    if not asked:
        raise Invalid(_("Choose at least one account."), field="accounts")
    reach = by.reach()
    if any(account.team_id != by.team_id or (reach is not None and account.pk not in reach) for account in asked):
        raise NotAllowedError(Permission.VIEW, narrowed=True)
    return sorted({account.pk for account in asked})


def _networks(asked: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(str(_network(text)) for text in asked))
    if len(found) > MOST_NETWORKS:
        raise Invalid(_("Enter up to %(most)d networks.") % {"most": MOST_NETWORKS}, field="networks")
    return found


def _network(text: str) -> networks.Network:
    try:
        return networks.as_written(text)
    except networks.NotNetworkError as error:
        raise Invalid(error.words, names=error.names, field="networks") from None


def _require_room(name: str, by: Membership, *, personal: bool) -> None:
    whose = Q(owner=by.user_id) if personal else Q(owner=None)
    rows = ApiToken.objects.filter(whose, team=by.team_id, revoked_at=None)
    # An expired token frees its name for a successor.
    rows.filter(expires_at__lte=timezone.now()).update(revoked_at=F("expires_at"))
    if rows.filter(name__iexact=name).exists():
        words = _("A token with this name already exists. Choose another name, or revoke that token first.")
        raise Invalid(words, field="name")
    if rows.count() >= MOST:
        words = _("You've reached the limit of %(most)d tokens. Revoke one first.")
        raise Invalid(words % {"most": MOST}, field="name")


def _thing(token: ApiToken) -> str:
    return f"token:{token.pk}"


def _as_json(token: ApiToken, accounts: Sequence[int] | None) -> dict[str, object]:
    """A token for the audit log, with the labels of its accounts."""
    labels = None
    if accounts is not None:
        labels = sorted(token.team.accounts.filter(pk__in=accounts).values_list("label", flat=True))
    return {
        "of": "person" if token.is_personal else "team",
        "permissions": token.permissions,
        "accounts": labels,
        "networks": token.networks,
        "expires_at": token.expires_at.isoformat(),
    }
