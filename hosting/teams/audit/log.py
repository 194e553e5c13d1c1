"""The trail of who did what. `record` is called in the transaction of what it tells."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from hosting.teams.audit import chain
from hosting.teams.audit.models import AuditEntry, AuditHead
from hosting.teams.models import Membership, Team
from hosting.teams.names import tidy
from hosting.teams.request_origin import NO_ORIGIN, Origin


def team_ref(team_id: int) -> str:
    """The team itself, as a `thing`: what it is, who comes and goes, its rules."""
    return f"team:{team_id}"


def member_ref(user_id: int) -> str:
    """A person of the team, as a `thing`: what became of their membership while they are in it."""
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
    """Write one line of the trail; `by` None is Sharedeck itself. Nothing that is given here may be a secret.

    `account` and `operation` are keys of rows, `thing` is an object of the account such as "vm:12", or of the team
    (`team_ref`, `member_ref`). `before` and
    `after` are what was changed, as JSON; `team` is the team or its key.

    It takes the last lock of its transaction, the team's head of the chain, which writers queue for. So that no two
    of them wait for each other, everything else is locked, written and bumped before: afterwards a transaction
    touches only what it has locked already, or writes another line.
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
    """As `record`, for who acts in no team: somebody who signs in."""
    team_id = team if isinstance(team, int) else team.pk
    with transaction.atomic(savepoint=False):
        _settle_references()
        head, _created = AuditHead.objects.select_for_update(no_key=True).get_or_create(team_id=team_id)
        entry = AuditEntry(
            team_id=team_id,
            sequence=head.sequence + 1,
            # Not before it is its turn: times follow the sequence.
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
    """Have what new rows refer to looked at, and locked, now: PostgreSQL would do so at the commit, after the head."""
    connection = transaction.get_connection()
    if connection.vendor == "postgresql":
        connection.check_constraints()
