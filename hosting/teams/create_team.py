"""Create a team, and check the names of teams.

Decision: docs/decisions/0028-owners-create-teams.md
"""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from hosting.teams import names
from hosting.teams.audit.log import record, team_ref
from hosting.teams.models import Membership, Team, User
from hosting.teams.rejection import Invalid, invalid
from hosting.teams.request_origin import NO_ORIGIN, Origin
from hosting.teams.roles import NotAllowedError, Permission, Role

# The most teams of one owner. There is a limit because each team can send mails to strangers.
MOST_OWNED = 20
LONGEST_NAME = 100


def may_create(person: User) -> bool:
    """Whether a person may create teams: everybody when sign-up is open, otherwise only owners of a team."""
    return settings.SIGN_UP == "open" or _owned(person) > 0


def create(name: str, *, person: User, via: Origin) -> Membership:
    """Create a team that the person owns.

    Raises:
        NotAllowedError: sign-up is not open and the person owns no team.
        Invalid: an invalid name, or too many teams.
    """
    if not may_create(person):
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    name = validated_name(name)
    with transaction.atomic():
        # One team at a time for each person, so that the count stays correct.
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if _owned(person) >= MOST_OWNED:
            raise Invalid(_("You already own %(most)d teams, the maximum.") % {"most": MOST_OWNED})
        return _create(name, person, via)


def has_owner() -> bool:
    """Whether any team has an owner: somebody who can invite others."""
    return Membership.objects.current().filter(role=Role.OWNER).exists()


def create_with_owner(name: str, *, email: str) -> Membership:
    """Create a team with a new person as its owner, who has no password yet. Only the panel's operator can.

    Raises:
        Invalid: an invalid name or address, or an address that somebody has already.
    """
    name = validated_name(name)
    try:
        validate_email(email)
    except ValidationError as wrong:
        raise Invalid(wrong.messages[0], field="email") from None
    with transaction.atomic():
        if User.objects.filter(email=email.lower()).exists():
            raise Invalid(_("Somebody signs in with this address already."), field="email")
        return _create(name, User.objects.create_user(email), NO_ORIGIN)


def validated_name(name: str) -> str:
    """A team's name, tidied.

    Raises:
        Invalid: the name is empty, too long, the panel's own, or contains invisible characters or a web address.
    """
    with invalid("name"):
        return names.checked(name, names.IN_MAIL, most=LONGEST_NAME)


def _create(name: str, person: User, via: Origin) -> Membership:
    owner = Membership(team=Team.objects.create(name=name), user=person, role=Role.OWNER)
    owner.save()
    owner.via = via
    record(owner.team, by=owner, action="team.created", subject=name, thing=team_ref(owner.team_id))
    return owner


def _owned(person: User) -> int:
    return Membership.objects.current().filter(user=person, role=Role.OWNER).count()
