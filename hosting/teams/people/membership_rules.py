"""On what terms somebody is in a team, or is asked to be: a role, for all accounts or some, for good or until a day.

Nobody gives what they lack.
"""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.models import Membership, Team
from hosting.teams.people.models import Invitation
from hosting.teams.rejection import Invalid
from hosting.teams.roles import NotAllowedError, Permission, Role, missing_for


@dataclass(frozen=True)
class Terms:
    """`accounts` are keys, None for all that the team has or will have; `until` None is for good."""

    role: str
    accounts: frozenset[int] | None = None
    until: datetime | None = None


def terms_of(what: Membership | Invitation) -> Terms:
    """On what terms a member is in the team, or an invited person will be."""
    accounts = frozenset(account.pk for account in what.accounts.all()) if what.narrowed else None
    until = what.expires_at if isinstance(what, Membership) else what.membership_expires_at
    return Terms(what.role, accounts, until)


def as_json(terms: Terms, team: Team) -> dict[str, object]:
    """For the trail: what was agreed, with accounts by their labels."""
    labels = None
    if terms.accounts is not None:
        labels = sorted(team.accounts.filter(pk__in=terms.accounts).values_list("label", flat=True))
    return {
        "role": str(terms.role),
        "accounts": labels,
        "until": terms.until.isoformat() if terms.until else None,
    }


def hold(by: Membership) -> None:
    """Have the team to oneself until the transaction ends, and see what the actor is in it by now.

    Raises:
        NotAllowedError: they are not in it any more.
    """
    Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
    if by.pk is None:
        return
    now = Membership.objects.current().filter(pk=by.pk).first()
    if now is None:
        raise NotAllowedError(Permission.VIEW)
    by.role, by.narrowed, by.expires_at = now.role, now.narrowed, now.expires_at


def require_as_much(role: str, by: Membership) -> None:
    """Insist that the actor holds all that `role` does: to give it, or to touch somebody who has it.

    Raises:
        NotAllowedError: with the first permission that they lack.
    """
    by.require_for_all(Permission.MANAGE_PEOPLE)
    if missing := missing_for(by.permissions(), role):
        raise NotAllowedError(missing)


def outlives(until: datetime | None, by: Membership) -> bool:
    """Whether something that ends then (None: never) would go on after the actor's own membership."""
    return by.expires_at is not None and (until is None or until > by.expires_at)


def agree(terms: Terms, *, by: Membership, instead_of: Terms | None = None) -> None:
    """Insist that such terms can be, and that the actor may give them, `instead_of` what somebody has already.

    Raises:
        NotAllowedError: the actor does not manage people, or lacks a permission of the role.
        Invalid: terms that can't be; its field is "role", "accounts" or "until".
    """
    by.require_for_all(Permission.MANAGE_PEOPLE)
    if terms.role not in Role.values:
        raise Invalid(_("Choose one of these roles."), field="role")
    require_as_much(terms.role, by)
    if terms.role == Role.OWNER and (terms.accounts is not None or terms.until is not None):
        raise Invalid(
            _(
                "Owners always have access to all accounts. Choose another role, or remove the "
                "account selection and end date."
            ),
            field="role",
        )
    if terms.accounts is not None:
        if not terms.accounts:
            raise Invalid(_("Choose at least one account."), field="accounts")
        if by.team.accounts.filter(pk__in=terms.accounts).count() != len(terms.accounts):
            raise Invalid(_("Choose accounts of this team."), field="accounts")
    if terms.until is not None and terms.until <= timezone.now():
        raise Invalid(_("Choose a date in the future."), field="until")
    as_before = instead_of is not None and instead_of.until == terms.until
    if outlives(terms.until, by) and not as_before:
        raise Invalid(_("Your own membership ends before that. Choose an earlier date."), field="until")
