"""Make the provider's database ready: quick and harmless when it is already."""

import logging
import os
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from hosting.provider.engine import address_pools, simulation
from hosting.provider.models import Host
from hosting.provider.seed import seed_demo, seed_usage
from redis_connections import addresses
from safekeeping import databases
from safekeeping.files import database_files, make_private


class Command(BaseCommand):
    help = "Migrate, make the demonstration on first use, and the staff user if PROVIDER_ADMIN_PASSWORD is set."

    def handle(self, *args: Any, **options: Any) -> None:
        # Redis may not run yet; nothing is lost without it.
        logging.getLogger("redis_connections.outage").setLevel(logging.ERROR)
        make_private(settings.VAR_DIR, *database_files(settings.DATABASES))
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        for name in ("PROVIDER_REDIS_URL", "REDIS_URL"):
            if (given := os.environ.get(name)) and (problem := addresses.problem(name, given)):
                raise CommandError(problem)
        if problem := databases.problem("PROVIDER_DATABASE_URL"):
            raise CommandError(problem)
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            raise CommandError(f"PROVIDER_DATABASE_URL: the database can't be used: {error}") from None
        if seed_demo():
            if simulation.is_on():
                seed_usage()
            self.stdout.write("Created the demo data of the provider: AA1234-GANDI and its customers.")
        address_pools.make_default_pools()
        if simulation.is_on() and not Host.objects.exists():
            simulation.host()
        password = settings.PROVIDER_ADMIN_PASSWORD
        if password and not User.objects.filter(username="admin").exists():
            User.objects.create_superuser("admin", password=password)
            self.stdout.write("Created the staff user admin: sign in at /admin/.")
