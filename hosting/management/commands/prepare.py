"""Prepare an installation for the start: private files, tables, static files, endpoints, the demo on first use."""

import logging
import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, transaction

from hosting.accounts.connect import connect
from hosting.accounts.models import Endpoint
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
from redis_connections import addresses
from safekeeping import databases
from safekeeping.files import database_files, make_private

DEMO_EMAIL = "demo@sharedeck.example"
# The sample login of the specification, which the bundled provider serves.
DEMO_LOGIN, DEMO_API_PASSWORD = "AA1234-GANDI", "mypassword"


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="seed the demo if nobody can sign in yet")

    def handle(self, *args: Any, demo: bool, **options: Any) -> None:
        # No broker runs yet, so jobs cannot be enqueued. Hide the warnings: the first sweep finds what is due.
        for name in ("hosting.jobs", "redis_connections.outage"):
            logging.getLogger(name).setLevel(logging.ERROR)
        make_private(settings.VAR_DIR, *database_files(settings.DATABASES))
        if (given := os.environ.get("REDIS_URL")) and (problem := addresses.problem("REDIS_URL", given)):
            raise CommandError(problem)
        if problem := databases.problem("DATABASE_URL"):
            raise CommandError(problem)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            raise CommandError(f"DATABASE_URL: the database can't be used: {error}") from None
        call_command("collectstatic", interactive=False, verbosity=0)
        with transaction.atomic():
            offer_endpoints(settings.API_ENDPOINTS)
            if demo and not User.objects.exists():
                seed_demo(settings.DEMO_PASSWORD)


def offer_endpoints(endpoints: dict[str, str]) -> None:
    """Offer exactly these endpoints (name: address) for new accounts. Accounts of other endpoints keep working.

    Endpoints are identified by name: when one has a new address, its accounts move there.
    """
    Endpoint.objects.exclude(name__in=endpoints).update(offered=False)
    for name, url in endpoints.items():
        Endpoint.objects.update_or_create(name=name, defaults={"url": url, "offered": True})


def seed_demo(password: str) -> None:
    """Create a person, their team, and the account of the bundled provider's reseller."""
    user = User.objects.create_user(DEMO_EMAIL, password, name="Demo")
    member = Membership.objects.create(team=Team.objects.create(name="Demo team"), user=user, role=Role.OWNER)
    endpoint = Endpoint.objects.filter(url=settings.BUNDLED_PROVIDER_URL, offered=True).first()
    if endpoint is not None:
        connect(
            by=member,
            endpoint=endpoint,
            label="Demo reseller",
            login=DEMO_LOGIN,
            handle=DEMO_LOGIN,
            password=DEMO_API_PASSWORD,
        )
