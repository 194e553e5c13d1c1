"""Allow access to a team from every network again, for owners who are locked out by the networks they allowed.

`manage.py lift_networks TEAM`, with the number in the addresses of the team's pages. The audit log records it.
"""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hosting.teams.models import Team
from hosting.teams.policies import changing


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("team", type=int)

    def handle(self, *args: Any, team: int, **options: Any) -> None:
        found = Team.objects.filter(pk=team).first()
        if found is None:
            raise CommandError(f"There is no team {team}.")
        changing.lift_networks(found)
        self.stdout.write(f"{found} can be reached from every network again.")
