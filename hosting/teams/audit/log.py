"""Write to the audit log. Call `record` in the transaction of the change that it records.

Decision: docs/decisions/0039-rows-are-locked-in-one-order.md
"""

from typing import Any

from django.db import transaction
from django.utils import timezone

from hosting.teams.audit import chain
from hosting.teams.audit.models import AuditEntry, AuditHead
from hosting.teams.models import Membership, Team
from hosting.teams.names import tidy
from hosting.teams.request_origin import NO_ORIGIN, Origin


def team_ref(team_id: int) -> str:
    """The `thing` of entries about the team itself: its settings, its policies, and who joins or leaves."""
    return f"team:{team_id}"


def member_ref(user_id: int) -> str:
    """The `thing` of entries about a member: changes of their membership while it lasts."""
    return f"member:{user_id}"


def record(
    team: Team | int,
    *,
    by: Membership | None,
    action: str,
    subject: str,
    account: int | None = None,
    thing: str = "",
    operation: int | None = None,
    before: object = None,
    after: object = None,
    outcome: str = "",
    **detail: object,
) -> None:
    """Write one entry to the audit log; `by` None stands for Sharedeck itself. Never pass a secret.

    `team` is the team or its key; `account` and `operation` are keys. `thing` is an object of the account such as
    "vm:12", or one of the team (`team_ref`, `member_ref`). `before` and `after` are the changed values, as JSON.

    It takes the last lock of its transaction, the head of the team's chain, for which all writers queue. To avoid
    deadlocks, lock, write and bump everything else before: afterwards the transaction may only touch rows that it has
    locked already, or write another entry.
    """
    write(
        team,
        via=by.via if by else NO_ORIGIN,
        actor_id=by.user_id if by and by.person else None,
        actor_name=str((by and (by.person or by.via.token_name)) or ""),
        action=action,
        subject=subject,
        account_id=account,
        thing=thing,
        operation_id=operation,
        before=before,
        after=after,
        outcome=outcome,
        detail=detail,
    )


def write(
    team: Team | int,
    *,
    via: Origin,
    actor_id: int | None,
    actor_name: str,
    action: str,
    subject: str,
    account_id: int | None = None,
    thing: str = "",
    operation_id: int | None = None,
    before: object = None,
    after: object = None,
    outcome: str = "",
    detail: dict[str, Any],
) -> None:
    """As `record`, for an actor without a membership, such as a person who signs in."""
    team_id = team if isinstance(team, int) else team.pk
    with transaction.atomic(savepoint=False):
        _settle_references()
        head, _created = AuditHead.objects.select_for_update(no_key=True).get_or_create(team_id=team_id)
        entry = AuditEntry(
            team_id=team_id,
            sequence=head.sequence + 1,
            # Taken after the lock, so that times are in the order of the sequence.
            at=timezone.now(),
            actor_id=actor_id,
            actor_name=tidy(actor_name)[:254],
            address=via.address,
            session=via.session,
            token_id=via.token_id,
            action=action,
            subject=subject[:255],
            account_id=account_id,
            thing=thing,
            operation_id=operation_id,
            before=chain.plain(before),
            after=chain.plain(after),
            outcome=outcome,
            detail=chain.plain(detail),
        )
        entry.digest = chain.digest(chain.key(), head.digest, vars(entry))
        entry.save(force_insert=True)
        AuditHead.objects.filter(pk=head.pk).update(sequence=entry.sequence, digest=entry.digest)


def _settle_references() -> None:
    """Check deferred foreign keys now. PostgreSQL locks the rows they refer to, and would do so at the commit, after
    the lock on the chain's head.
    """
    connection = transaction.get_connection()
    if connection.vendor == "postgresql":
        connection.check_constraints()
