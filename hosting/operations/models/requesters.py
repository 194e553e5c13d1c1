"""In whose name a request is made: kept beside it when it is asked for, and said in words."""

from typing import Protocol, TypedDict

from django.utils.translation import gettext as _

from hosting.teams.models import Membership, User
from hosting.teams.tokens.models import ApiToken


class Requested(Protocol):
    """An operation, a plan or a bulk."""

    @property
    def requested_by(self) -> User | None: ...

    @property
    def requested_through(self) -> ApiToken | None: ...


class RequesterColumns(TypedDict):
    """The columns that say it: the person, and the API token that they used or that acts for the team."""

    requested_by: User | None
    requested_through_id: int | None


def on_behalf_of(by: Membership) -> RequesterColumns:
    """What is written down of whoever asks."""
    return {"requested_by": by.person, "requested_through_id": by.via.token_id}


def requester_name(of: Requested) -> str:
    """Who asked, for people; empty when that is not known any more."""
    person, token = of.requested_by, of.requested_through
    if token is None:
        return str(person or "")
    if person is None:
        return _("the token “%(token)s”") % {"token": token}
    return _("%(person)s through the token “%(token)s”") % {"person": person, "token": token}
