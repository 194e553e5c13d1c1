"""Rejections by Sharedeck itself, before anything is written or sent."""

from django.utils.functional import Promise


class Rejected(Exception):  # noqa: N818 - an answer to a person, not an error of the program
    """A request is not accepted: `message` says what to correct, `field` names the input it belongs to."""

    def __init__(self, message: str | Promise, *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.message = message
        self.field = field


class Invalid(Rejected):
    """An input has an invalid value."""
