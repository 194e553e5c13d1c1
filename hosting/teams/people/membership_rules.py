"""The grant of a membership or invitation (role, accounts, end), and the rules about who may give which.

Nobody can give permissions that they lack.

Decision: docs/decisions/0022-owners-are-locked.md
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.models import Membership, Team
from hosting.teams.people.models import Invitation
from hosting.teams.rejection import Invalid, Refusal
from hosting.teams.roles import NotAllowedError, Permission, Role, missing_for


@dataclass(frozen=True)
class Grant:
    """What a membership grants: a role, on some accounts or all, for good or until a time.

    `accounts` are keys; None covers all accounts of the team, later ones too. `until` None means no end.
    """

    role: str
    accounts: frozenset[int] | None = None
    until: datetime | None = None


def grant_of(what: Membership | Invitation) -> Grant:
    """The grant of a membership, or the one that an invitation offers."""
    accounts = frozenset(account.pk for account in what.accounts.all()) if what.narrowed else None
    until = what.expires_at if isinstance(what, Membership) else what.membership_expires_at
    return Grant(what.role, accounts, until)


def as_json(grant: Grant, team: Team) -> dict[str, object]:
    """A grant for the audit log, with the labels of its accounts."""
    labels = None
    if grant.accounts is not None:
        labels = sorted(team.accounts.filter(pk__in=grant.accounts).values_list("label", flat=True))
    return {
        "role": str(grant.role),
        "accounts": labels,
        "until": grant.until.isoformat() if grant.until else None,
    }


def lock_team(by: Membership) -> None:
    """Lock the team until the transaction ends, and refresh the actor's role.

    Raises:
        NotAllowedError: the actor is not in the team any more.
    """
    Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
    if by.pk is None:
        return
    now = Membership.objects.current().filter(pk=by.pk).first()
    if now is None:
        raise NotAllowedError(Permission.VIEW)
    by.role, by.narrowed, by.expires_at = now.role, now.narrowed, now.expires_at
    by.owner_since, by.owner_through_id = now.owner_since, now.owner_through_id


def require_can_give(role: str, by: Membership) -> None:
    """Require all permissions of `role`: to give it to somebody, or to change a member who has it.

    Raises:
        NotAllowedError: with the first permission that they lack.
    """
    by.require_for_all(Permission.MANAGE_PEOPLE)
    if missing := missing_for(by.permissions(), role):
        raise NotAllowedError(missing)


def outlives(until: datetime | None, by: Membership) -> bool:
    """Whether something that ends at `until` (None: never) would outlast the actor's own membership."""
    return by.expires_at is not None and (until is None or until > by.expires_at)


def require_can_grant(grant: Grant, *, by: Membership, instead_of: Grant | None = None) -> None:
    """Require that a grant is valid and that the actor may give it. `instead_of` is the member's present grant.

    Raises:
        NotAllowedError: the actor does not manage people, or lacks a permission of the role.
        Invalid: an invalid grant; its field is "role", "accounts" or "until".
    """
    by.require_for_all(Permission.MANAGE_PEOPLE)
    if grant.role not in Role.values:
        raise Invalid(_("Choose one of these roles."), field="role")
    require_can_give(grant.role, by)
    if grant.role == Role.OWNER and (grant.accounts is not None or grant.until is not None):
        raise Invalid(
            _(
                "Owners always have access to all accounts. Choose another role, or remove the "
                "account selection and end date."
            ),
            field="role",
        )
    if grant.accounts is not None:
        if not grant.accounts:
            raise Invalid(_("Choose at least one account."), field="accounts")
        if by.team.accounts.filter(pk__in=grant.accounts).count() != len(grant.accounts):
            raise Invalid(_("Choose accounts of this team."), field="accounts")
    if grant.until is not None and grant.until <= timezone.now():
        raise Invalid(_("Choose a date in the future."), field="until")
    as_before = instead_of is not None and instead_of.until == grant.until
    if outlives(grant.until, by) and not as_before:
        words = _("Your own membership ends before that. Choose an earlier date.")
        raise Invalid(words, field="until", refusal=Refusal.OUTLIVES)
