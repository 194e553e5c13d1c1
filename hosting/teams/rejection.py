"""Why Sharedeck itself does not take a request. Nothing was written, nothing was sent."""

from django.utils.functional import Promise


class Rejected(Exception):  # noqa: N818 - it is an answer, not an error of the program
    """A request that is not taken: `message` says what to correct, `field` names the input it belongs to."""

    def __init__(self, message: str | Promise, *, field: str | None = None) -> None:
        super().__init__(str(message))
        self.message = message
        self.field = field


class Invalid(Rejected):
    """A value that can't be."""
