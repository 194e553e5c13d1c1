"""Why a request for an operation is not taken. Nothing was written, nothing was sent."""

from django.utils.functional import Promise

from hosting.teams.rejection import Invalid, Rejected

__all__ = ["AccountTrouble", "Busy", "EndpointAway", "Invalid", "NotEnough", "Rejected", "WrongState"]


class NotEnough(Rejected):
    """More shares or disk than are free."""


class WrongState(Rejected):
    """The object's state does not allow it, or the object is gone."""


class Busy(Rejected):
    """The object has an unfinished operation."""

    def __init__(self, message: str | Promise, *, operation_id: int) -> None:
        super().__init__(message)
        self.operation_id = operation_id


class QuietHours(Rejected):
    """It deletes, and the team deletes nothing at this hour."""


class EndpointAway(Rejected):
    """The provider does not answer: nothing is queued behind the member's back."""


class AccountTrouble(Rejected):
    """The account's login does not work: a person must correct it first."""


class AboveSpendingLimit(Rejected):
    """It would have to wait for approval, and may not: a second person must know that the first one really asked."""
