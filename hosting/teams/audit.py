"""The trail of who did what. `record` is called in the transaction of what it tells."""

from hosting.teams.models import AuditEntry, Membership, Team
from hosting.teams.origin import NOWHERE


def record(
    team: Team,
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

    `account` and `operation` are keys of rows, `thing` is an object of the account such as "vm:12". `before` and
    `after` are what was changed, as JSON.
    """
    via = by.via if by else NOWHERE
    person = by.person if by else None
    AuditEntry.objects.create(
        team=team,
        actor=person,
        actor_name=str(person or "")[:254],
        address=via.address,
        session=via.session,
        token_id=via.token_id,
        action=action,
        subject=subject[:255],
        account_id=account,
        thing=thing,
        operation_id=operation,
        before=before,
        after=after,
        outcome=outcome,
        detail=detail,
    )
