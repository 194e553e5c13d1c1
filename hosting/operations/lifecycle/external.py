"""External operations: those that the provider lists and that were not requested in the panel."""

from django.db import IntegrityError, transaction

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.api import OperationDetails
from hosting.operations.lifecycle import late, lookalikes
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State

# Types that JSON can store; other parameters are stored as text.
_PLAIN = (str, int, float, type(None))


def is_asked_about(account: Account, details: OperationDetails) -> bool:
    """Whether only a person can say whether it is one of ours. After the decision it is listed again."""
    rows = _unanswered_like(account, details)
    return bool(rows) and all(row.needs_person for row in rows)


def _unanswered_like(account: Account, details: OperationDetails) -> list[Operation]:
    """Our operations of which the answer is missing, and that may be this one of the provider's."""
    unanswered = account.operations.filter(
        kind=details.type,
        origin=Operation.Origin.PANEL,
        state__in=(State.SENDING, State.UNCERTAIN, State.ANSWERED),
    )
    return [row for row in unanswered if lookalikes.may_be(row, details)]


def create_external(account: Account, details: OperationDetails) -> Operation | None:
    """Create a row for an external operation. None when it is one of ours after all, or may still turn out to be."""
    if _unanswered_like(account, details) or late.match(account, details):
        return None
    params = {name: value if isinstance(value, _PLAIN) else str(value) for name, value in details.params.items()}
    try:
        with transaction.atomic():
            operation = Operation.objects.create(
                account=account,
                origin=Operation.Origin.EXTERNAL,
                kind=details.type,
                params=params,
                subject=str(params.get("hostname") or params.get("name") or "")[:255],
                state=State.TRACKED,
                remote_id=details.id,
                remote_state=details.state,
                remote_updated_at=details.date_updated,
                sent_at=details.date_created,
                answered_at=details.date_created,
                **details.objects,
            )
            versions.bump(account.pk)
    except IntegrityError:
        # It is one of ours: its id was saved at this moment.
        return None
    return operation
