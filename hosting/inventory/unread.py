"""Accounts of which nothing can be read although their endpoint answers. Pages say so instead of waiting for data."""

from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.api import ApiError, Cause, DataFault, Fault, FaultObject, Garbled, NotSent, Unanswered


class Why(StrEnum):
    """Values of `Account.unread_problem["why"]`; beside it `text`, what the provider said."""

    NO_HOSTING = "no_hosting"
    NO_RIGHT = "no_right"
    FAULT = "fault"
    GARBLED = "garbled"
    TOO_MANY_CALLS = "too_many_calls"


# Until then it may pass by itself. What only a person can change is told at once.
_TOLERATED = timedelta(minutes=1)
_LASTING = (Why.NO_HOSTING, Why.NO_RIGHT)


def is_unread(account: Account, now: datetime) -> bool:
    """Whether the account can't be read, and that does not pass by itself within a minute."""
    since = account.unread_since
    return since is not None and (account.unread_problem.get("why") in _LASTING or now - since > _TOLERATED)


def record(account: Account, error: ApiError) -> None:
    """Note that a round has failed, and why. A round that succeeds forgets it (`ages.finish_round`)."""
    problem = _problem(error)
    if problem is None:
        return
    with transaction.atomic():
        rows = Account.objects.filter(pk=account.pk)
        rows.filter(unread_since=None).update(unread_since=timezone.now())
        if rows.exclude(unread_problem=problem).update(unread_problem=problem):
            versions.bump(account.pk)


def _problem(error: ApiError) -> dict[str, object] | None:
    """None when the endpoint does not answer: `accounts.availability` tells that of all its accounts."""
    match error:
        case DataFault(cause=Cause.NOT_FOUND, object=FaultObject.HOSTING_ACCOUNT | FaultObject.HANDLE):
            return {"why": Why.NO_HOSTING, "text": error.text}
        case DataFault(cause=Cause.NO_RIGHT):
            return {"why": Why.NO_RIGHT, "text": error.text}
        case Fault():
            return {"why": Why.FAULT, "text": error.text}
        case Garbled():
            return {"why": Why.GARBLED}
        case NotSent() | Unanswered():
            return None
    return {"why": Why.TOO_MANY_CALLS}
