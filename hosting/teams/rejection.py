"""Rejections by Sharedeck itself, before anything is written or sent."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from django.core.exceptions import ValidationError
from django.utils.functional import Promise


class Refusal(StrEnum):
    """Why a person was refused something that their permissions alone would allow. The audit log keeps these."""

    # There is no such object, or they may not see it. The two are never told apart.
    NOT_FOUND = "not_found"
    # Nobody decides on what they have requested themselves.
    OWN_REQUEST = "own_request"
    # Of two owners, one has just become an owner through the other: they count as one.
    NEW_OWNER = "new_owner"
    # They have just removed the owner who would have to confirm it.
    OWNER_REMOVED = "owner_removed"
    # The team's quiet hours, in which nothing is deleted.
    QUIET_HOURS = "quiet_hours"
    # It would last longer than their own membership.
    OUTLIVES = "outlives"
    # The invitation is for somebody else.
    OTHER_ADDRESS = "other_address"
    # They have caused as many mails as one person may in a day.
    MAILS = "mails"


class Rejected(Exception):  # noqa: N818 - an answer to a person, not an error of the program
    """A request is not accepted: `message` says what to correct, `field` names the input it belongs to.

    Texts from outside, such as names of people and objects, are no part of the `words`: these have placeholders for
    them (`%(name)s`), so that a page can isolate each of the `names`. A name may be a list of them.

    `refusal` is set when nothing has to be corrected, but the person may not do it.
    """

    refusal: Refusal | None = None

    def __init__(
        self,
        words: str | Promise,
        *,
        names: Mapping[str, object] | None = None,
        field: str | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        self.words, self.names = words, names or {}
        self.message = str(words) % {key: _listed(name) for key, name in self.names.items()} if names else words
        super().__init__(str(self.message))
        self.field = field
        self.refusal = refusal or self.refusal


def _listed(names: object) -> object:
    return ", ".join(map(str, names)) if isinstance(names, list) else names


class Invalid(Rejected):
    """An input has an invalid value."""


@contextmanager
def invalid(field: str) -> Iterator[None]:
    """Turn a `ValidationError` of a rule into the rejection of this input."""
    try:
        yield
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from None
