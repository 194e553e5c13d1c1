"""Rejections by Sharedeck itself, before anything is written or sent."""

from collections.abc import Iterator
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

    `refusal` is set when nothing has to be corrected, but the person may not do it.
    """

    refusal: Refusal | None = None

    def __init__(self, message: str | Promise, *, field: str | None = None, refusal: Refusal | None = None) -> None:
        super().__init__(str(message))
        self.message = message
        self.field = field
        self.refusal = refusal or self.refusal


class Invalid(Rejected):
    """An input has an invalid value."""


@contextmanager
def invalid(field: str) -> Iterator[None]:
    """Turn a `ValidationError` of a rule into the rejection of this input."""
    try:
        yield
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from None
