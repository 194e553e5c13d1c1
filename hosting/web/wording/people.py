"""Words about people and teams."""

from collections.abc import Iterable

from django.conf import settings

from hosting.teams.models import Membership
from hosting.teams.roles import Role
from hosting.web.wording.registry import register
from hosting.web.wording.roles import ROLE_WORDS


@register.filter
def role_words(role: str) -> str:
    """What a role may do, in a sentence."""
    return str(ROLE_WORDS.get(role, ""))


@register.filter
def may_create_team(memberships: Iterable[Membership] | None) -> bool:
    """Whether somebody with these memberships may create a team. No query."""
    owns = any(member.role == Role.OWNER for member in memberships or ())
    return owns or settings.SIGN_UP == "open"
