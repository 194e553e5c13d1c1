"""Why an operation is rejected when it is submitted. Nothing was saved and nothing was sent."""

from collections.abc import Mapping

from django.utils.functional import Promise

from hosting.teams.rejection import Invalid, Refusal, Rejected

__all__ = ["AccountTrouble", "Busy", "EndpointAway", "Invalid", "NotEnough", "Rejected", "WrongState"]


class NotEnough(Rejected):
    """More shares or disk than are free."""


class WrongState(Rejected):
    """The object's state does not allow it, or the object is gone."""


class AlreadyRetried(WrongState):
    """A retry of the operation exists."""


class Busy(Rejected):
    """The object has an unfinished operation."""

    def __init__(self, words: str | Promise, *, names: Mapping[str, object], operation_id: int) -> None:
        super().__init__(words, names=names)
        self.operation_id = operation_id


class QuietHours(Rejected):
    """It deletes something, and the team has quiet hours now."""

    refusal = Refusal.QUIET_HOURS


class EndpointAway(Rejected):
    """The provider does not answer. The operation is not queued, so that it is not sent later by surprise."""


class AccountTrouble(Rejected):
    """The account's credentials do not work: a person must correct them first."""


class AboveSpendingLimit(Rejected):
    """It is above a spending limit and may not wait for approval: its requester is a token or must reauthenticate."""
