"""Where a request came from, for the audit log."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """The address, session and API token of a request; all empty for actions of Sharedeck itself.

    `session` is a short digest of the session's key: it tells sessions apart, but gives no access. A team token has no
    person, so `token_name` names the actor.
    """

    address: str = ""
    session: str = ""
    token_id: int | None = None
    token_name: str = ""


NO_ORIGIN = Origin()
