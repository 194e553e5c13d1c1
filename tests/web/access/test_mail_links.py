"""Addresses in mails: whatever the Host header of a request says, they are the panel's own."""

import re
from pathlib import Path

import pytest
from allauth.account.adapter import get_adapter
from allauth.core import context
from allauth.utils import build_absolute_uri
from django.conf import settings as now
from django.core import mail
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from tests import factories
from tests.web.access.signing_in import PASSWORD, person_with_password, with_app

pytestmark = pytest.mark.django_db
PANEL, HOST = "https://panel.example/", "also-ours.example"
# What django-allauth sends, by the names of its templates.
KINDS = sorted(
    f"{file.parent.relative_to(now.BASE_DIR / 'templates')}/{file.name.removesuffix('_message.txt')}"
    for file in Path(now.BASE_DIR / "templates").glob("*/email/*_message.txt")
    if file.name != "base_message.txt"
)


@pytest.fixture(autouse=True)
def two_hosts(settings: Settings) -> None:
    """A panel that answers to more names than the one people know it by."""
    settings.PANEL_URL = PANEL
    settings.ALLOWED_HOSTS = ["panel.example", HOST]
    settings.SIGN_UP = "open"


def at_other_host() -> Client:
    return Client(headers={"Host": HOST})


def check_mails(number: int) -> None:
    """So many mails were sent; each has an address, and none but the panel's."""
    assert len(mail.outbox) == number
    for sent in mail.outbox:
        text = sent.message().as_string()
        assert HOST not in text, sent.subject
        found = re.findall(r"https?://\S+", str(sent.body))
        assert found, sent.subject
        assert all(address.startswith(PANEL) for address in found), found


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mail_names_only_the_panel_url(kind: str) -> None:
    request = RequestFactory(headers={"Host": HOST}).get("/")
    request.user = factories.user()
    with context.request_context(request):
        links = {
            name: build_absolute_uri(request, "/auth/elsewhere/")
            for name in ("activate_url", "password_reset_url", "signup_url")
        }
        get_adapter().send_notification_mail(kind, request.user, links, email="ada@example.org")
    check_mails(1)


def test_sign_up_and_password_reset_mails_name_only_the_panel_url() -> None:
    person = person_with_password()
    form = {"name": "Ada", "password1": PASSWORD, "password2": PASSWORD}
    for email in ("ada@example.org", person.email):
        at_other_host().post("/auth/signup/", {**form, "email": email})
    for email in ("nobody@example.org", person.email):
        at_other_host().post("/auth/password/reset/", {"email": email})
    check_mails(4)
    confirm, _, _, reset = (str(sent.body) for sent in mail.outbox)
    assert f"{PANEL}auth/confirm-email/" in confirm
    assert f"{PANEL}auth/password/reset/key/" in reset


@pytest.mark.django_db(transaction=True)
def test_mails_about_changes_to_a_person_name_only_the_panel_url() -> None:
    person = with_app(person_with_password())
    client = at_other_host()
    client.force_login(person)
    client.post("/auth/email/", {"action_add": "", "email": "new@example.org"})
    client.post("/auth/2fa/recovery-codes/generate/")
    client.post("/auth/2fa/totp/deactivate/")
    new = "an0ther-long-one"
    client.post("/auth/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    check_mails(4)


def test_invitation_names_only_the_panel_url() -> None:
    owner = factories.member()
    client = at_other_host()
    client.force_login(owner.user)
    client.post(reverse("invite", args=[owner.team_id]), {"email": "new@example.org", "role": "viewer", "reach": "all"})
    check_mails(1)


def test_command_for_a_new_token_names_only_the_panel_url() -> None:
    owner = factories.member()
    client = at_other_host()
    client.force_login(owner.user)
    form = {"name": "deploy", "reach": "all", "days": "90", "permissions": ["operate"]}
    page = client.post(reverse("team_token_new", args=[owner.team_id]), form).content.decode()
    assert f"{PANEL}api/v1/whoami" in page
    assert HOST not in page
