"""Change the settings of a team."""

from django.db import transaction

from hosting.teams.audit.log import record, team_ref
from hosting.teams.create_team import validated_name
from hosting.teams.models import Membership, Team
from hosting.teams.roles import Permission


def update(*, name: str, bulk_at_once: int, by: Membership) -> None:
    """Rename the team, and set how many operations of a bulk action run at once (1 to 20).

    Raises:
        NotAllowedError: the member does not manage accounts.
        Invalid: an invalid name.
    """
    by.require_for_all(Permission.MANAGE_ACCOUNTS)
    name = validated_name(name)
    with transaction.atomic():
        team = Team.objects.select_for_update(no_key=True).get(pk=by.team_id)
        before = {"name": team.name, "bulk_at_once": team.bulk_at_once}
        after = {"name": name, "bulk_at_once": bulk_at_once}
        if before == after:
            return
        Team.objects.filter(pk=by.team_id).update(name=name, bulk_at_once=bulk_at_once)
        record(
            by.team,
            by=by,
            action="team.settings",
            subject=name,
            thing=team_ref(by.team_id),
            before=before,
            after=after,
        )
