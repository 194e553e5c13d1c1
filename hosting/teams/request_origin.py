"""Where a request came from, as far as that is known: what the trail says beside who asked."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Origin:
    """Address, session and API token of a request; all empty for what Sharedeck does by itself.

    `session` is a short digest of the session's key, which tells two sessions apart and opens neither. A token of the
    team has no person: its `token_name` stands for one.
    """

    address: str = ""
    session: str = ""
    token_id: int | None = None
    token_name: str = ""


NO_ORIGIN = Origin()
