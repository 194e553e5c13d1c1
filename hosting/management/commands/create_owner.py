"""Create the first person of a panel without the demo, and the team that they own.

`manage.py create_owner EMAIL [--team NAME]` prints a link with which they set their password. The link is as good as
the password: give it to nobody else. It works once, for a day; "Forgot your password?" sends another one.
"""

from argparse import ArgumentParser
from typing import Any

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from hosting.teams import create_team
from hosting.teams.models import User
from hosting.teams.panel_url import panel_url
from hosting.teams.rejection import Invalid


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="the address that the owner signs in with")
        parser.add_argument("--team", default="Team", metavar="NAME", help="the name of their team")
        parser.add_argument("--another", action="store_true", help="even if the panel has an owner already")

    def handle(self, *args: Any, email: str, team: str, another: bool, **options: Any) -> None:
        if create_team.has_owner() and not another:
            raise CommandError("This panel has an owner, who can invite others. Add --another to create one more.")
        try:
            owner = create_team.create_with_owner(team, email=email)
        except Invalid as wrong:
            raise CommandError(str(wrong)) from None
        self.stdout.write(f"{owner.user.email} owns the team {owner.team}. They set their password here:")
        self.stdout.write(link_for(owner.user))


def link_for(person: User) -> str:
    """The address at which a person sets their password."""
    token = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(person)
    return panel_url(reverse("account_reset_password_from_key", args=[user_pk_to_url_str(person), token]))
