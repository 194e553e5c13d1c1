"""Verify that nobody altered, removed, inserted or moved an entry of the audit log.

Keep the line of each team somewhere else: passed with --expect, it verifies later that the log still contains these
entries and was not restored from an older copy. Exits with 1 when something is wrong.
"""

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from hosting.teams.audit import verification
from hosting.teams.models import Team


def noted(text: str) -> tuple[int, int, str]:
    """Parse TEAM:SEQUENCE:DIGEST, as this command prints it."""
    if not (parts := re.fullmatch(r"(\d{1,18}):(\d{1,18}):([0-9a-f]{64})", text)):
        raise ArgumentTypeError(f"{text!r} is not TEAM:SEQUENCE:DIGEST")
    return int(parts[1]), int(parts[2]), parts[3]


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--team", type=int, action="append", help="verify only this team (its number)")
        parser.add_argument(
            "--expect",
            type=noted,
            action="append",
            default=[],
            metavar="TEAM:SEQUENCE:DIGEST",
            help="an entry noted elsewhere, which must still be in the audit log",
        )

    def handle(self, *args: Any, team: list[int] | None, expect: list[tuple[int, int, str]], **options: Any) -> None:
        teams = Team.objects.order_by("pk")
        if team:
            teams = teams.filter(pk__in=team)
        known = list(teams.values_list("pk", "name"))
        if missing := ({*(team or ()), *(number for number, _place, _digest in expect)} - {pk for pk, _name in known}):
            raise CommandError(f"There is no team {min(missing)} among those that are verified.")
        found = False
        for pk, name in known:
            chain = verification.verify(pk, {place: digest for number, place, digest in expect if number == pk})
            if chain.finding:
                found = True
                row = f" (row {chain.finding.row})" if chain.finding.row else ""
                self.stdout.write(f"team {pk} {name}: entry {chain.finding.sequence}{row} {chain.finding.fault}")
            elif chain.entries:
                self.stdout.write(f"team {pk} {name}: {chain.entries} entries, {pk}:{chain.entries}:{chain.digest}")
            else:
                self.stdout.write(f"team {pk} {name}: no entries")
        if found:
            sys.exit(1)
