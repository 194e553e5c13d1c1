"""A person makes a team, which they own. What a team may be called."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from hosting.teams.audit.log import record, team_thing
from hosting.teams.models import Membership, Team, User
from hosting.teams.names import holds_address, tidy
from hosting.teams.rejection import Invalid
from hosting.teams.request_origin import Origin
from hosting.teams.roles import NotAllowedError, Permission, Role

# Of one person. Each team sends mails to strangers.
MOST_OWNED = 20
LONGEST_NAME = 100


def may_create(person: User) -> bool:
    """Whether somebody may make a team: everybody where anybody may sign up, else who owns one already."""
    return settings.SIGN_UP == "open" or _owned(person) > 0


def create(name: str, *, person: User, via: Origin) -> Membership:
    """Make a team that the person owns.

    Raises:
        NotAllowedError: only who owns a team already may make one here.
        Invalid: a name that can't be, or too many teams.
    """
    if not may_create(person):
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    name = team_name(name)
    with transaction.atomic():
        # One team at a time for each person: what is counted stays true.
        User.objects.select_for_update(no_key=True).get(pk=person.pk)
        if _owned(person) >= MOST_OWNED:
            raise Invalid(_("You already own %(most)d teams, the maximum.") % {"most": MOST_OWNED})
        owner = Membership(team=Team.objects.create(name=name), user=person, role=Role.OWNER)
        owner.save()
        owner.via = via
        record(owner.team, by=owner, action="team.created", subject=name, thing=team_thing(owner.team_id))
    return owner


def team_name(name: str) -> str:
    """A team's name as it is kept.

    Raises:
        Invalid: it is empty, too long, or holds characters that nobody sees or a web address.
    """
    name = tidy(name)
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Invalid(_("Enter a team name of 1 to %(most)d characters.") % {"most": LONGEST_NAME}, field="name")
    if holds_address(name):
        raise Invalid(_("A name can't contain a web address."), field="name")
    return name


def _owned(person: User) -> int:
    return Membership.objects.current().filter(user=person, role=Role.OWNER).count()
