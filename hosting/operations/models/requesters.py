"""The requester of an operation, plan or bulk action: what is stored with it, and the name that pages show."""

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
    """The columns that store the requester: the person, and the API token (theirs, or one of the team)."""

    requested_by: User | None
    requested_through_id: int | None


def on_behalf_of(by: Membership) -> RequesterColumns:
    """The requester columns for a member who requests something."""
    return {"requested_by": by.person, "requested_through_id": by.via.token_id}


class ContinuingColumns(RequesterColumns):
    """Of what continues in the background: also the address that it was requested from."""

    requested_from: str


def continuing_for(by: Membership) -> ContinuingColumns:
    """The requester columns of a plan or a bulk action. Each of its steps is checked against the team's policies."""
    return {**on_behalf_of(by), "requested_from": by.via.address}


def requester_name(of: Requested) -> str:
    """The name of the requester; empty when unknown, such as after the person was deleted."""
    person, token = of.requested_by, of.requested_through
    if token is None:
        return str(person or "")
    if person is None:
        return _("token “%(token)s”") % {"token": token}
    return _("%(person)s via token “%(token)s”") % {"person": person, "token": token}
