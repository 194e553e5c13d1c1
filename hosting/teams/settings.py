"""What a team decides for itself."""

from django.db import transaction

from hosting.teams.audit import record
from hosting.teams.models import Membership, Team
from hosting.teams.roles import Permission


def update(*, bulk_at_once: int, by: Membership) -> None:
    """Say how many operations of one bulk are under way at once (1 to 20), from the next one on.

    Raises:
        NotAllowedError: the member does not manage accounts.
    """
    by.require_for_all(Permission.MANAGE_ACCOUNTS)
    with transaction.atomic():
        before = Team.objects.select_for_update(no_key=True).get(pk=by.team_id).bulk_at_once
        if bulk_at_once == before:
            return
        Team.objects.filter(pk=by.team_id).update(bulk_at_once=bulk_at_once)
        record(
            by.team,
            by=by,
            action="team.settings",
            subject=by.team.name,
            before={"bulk_at_once": before},
            after={"bulk_at_once": bulk_at_once},
        )
