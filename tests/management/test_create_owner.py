"""The first owner of a panel without the demo."""

import re
from io import StringIO
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
from tests import factories
from tests.web.access.signing_in import sign_in
from tests.web.conftest import quick_and_uncollected

__all__ = ["quick_and_uncollected"]
pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "ada@example.org", "a-long-enough-1"


def create_owner(*arguments: str) -> str:
    printed = StringIO()
    call_command("create_owner", *arguments, stdout=printed)
    return printed.getvalue()


def link_in(printed: str) -> str:
    found = re.search(r"^https://panel\.example/\S+$", printed, re.MULTILINE)
    assert found
    return found[0]


def test_first_owner_sets_a_password_with_the_printed_link_and_signs_in(settings: Settings) -> None:
    settings.PANEL_URL = "https://panel.example/"
    page = urlsplit(link_in(create_owner("Ada@Example.org", "--team", "Operations"))).path
    (owner,) = Membership.objects.all()
    assert (owner.user.email, owner.team.name, owner.role) == (EMAIL, "Operations", Role.OWNER)
    assert not owner.user.has_usable_password()
    assert AuditEntry.objects.get().action == "team.created"
    client = Client()
    form = client.get(page)["Location"]
    assert client.post(form, {"password1": PASSWORD, "password2": PASSWORD}).status_code == 302
    assert sign_in(client, EMAIL, PASSWORD) == "/"
    assert "Operations" in client.get("/", follow=True).content.decode()
    assert "This link has expired or was already used" in Client().get(page, follow=True).content.decode()


def test_second_owner_is_created_only_when_asked_for() -> None:
    owner = factories.member()
    with pytest.raises(CommandError, match="has an owner"):
        create_owner(EMAIL)
    assert list(Membership.objects.all()) == [owner]
    create_owner(EMAIL, "--another")
    assert Team.objects.count() == 2


def test_members_who_own_nothing_do_not_stand_in_the_way() -> None:
    factories.member(Role.VIEWER)
    assert create_owner(EMAIL)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["not an address"], "Enter a valid email address"),
        ([EMAIL, "--team", " "], "Enter a name"),
        (["KNOWN@example.org"], "Somebody signs in with this address already"),
    ],
)
def test_invalid_arguments_create_nothing(arguments: list[str], words: str) -> None:
    factories.user("known@example.org")
    with pytest.raises(CommandError, match=words):
        create_owner(*arguments)
    assert User.objects.count() == 1
    assert not Team.objects.exists()
