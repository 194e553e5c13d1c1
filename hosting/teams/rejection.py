"""Rejections by Sharedeck itself, before anything is written or sent."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.utils.functional import Promise


class Rejected(Exception):  # noqa: N818 - an answer to a person, not an error of the program
    """A request is not accepted: `message` says what to correct, `field` names the input it belongs to."""

    def __init__(self, message: str | Promise, *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.message = message
        self.field = field


class Invalid(Rejected):
    """An input has an invalid value."""


@contextmanager
def invalid(field: str) -> Iterator[None]:
    """Turn a `ValidationError` of a rule into the rejection of this input."""
    try:
        yield
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from None
