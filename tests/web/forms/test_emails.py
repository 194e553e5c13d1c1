"""International e-mail addresses: domains of any script are taken, other addresses are refused with the reason."""

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.teams.models import Membership
from hosting.teams.people.models import Invitation
from tests.web.views.test_forms import beside

DOMAIN, LOCAL_PART = "ada@ex\u00e4mple.org", "jos\u00e9@example.org"


def test_invitation_to_an_international_domain_is_sent(browser: Client, owner: Membership) -> None:
    url = reverse("invite", args=[owner.team_id])
    assert browser.post(url, {"email": DOMAIN, "role": "viewer", "days": "7"}).status_code == 303
    assert Invitation.objects.get().email == DOMAIN
    (sent,) = mail.outbox
    assert "ada@xn--exmple-cua.org" in sent.message()["To"]


@pytest.fixture(autouse=True)
def open_to_all(settings: Settings) -> None:
    settings.SIGN_UP = "open"


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/auth/signup/", "/auth/password/reset/"])
def test_people_sign_up_with_an_international_domain(client: Client, url: str) -> None:
    typed = {"name": "Ada", "password1": "correct horse battery", "password2": "correct horse battery"}
    assert client.post(url, {**typed, "email": DOMAIN}).status_code == 302
    (sent,) = mail.outbox
    assert "ada@xn--exmple-cua.org" in sent.message()["To"]


def test_address_that_no_mail_reaches_is_refused_with_the_reason(browser: Client, owner: Membership) -> None:
    asked = [
        (browser, reverse("invite", args=[owner.team_id]), "email", {"role": "viewer", "days": "7"}),
        (browser, reverse("account_email"), "email", {"action_add": ""}),
        (Client(), "/auth/signup/", "email", {"name": "Ada"}),
        (Client(), "/auth/password/reset/", "email", {}),
    ]
    for client, url, field, typed in asked:
        html = client.post(url, {**typed, field: LOCAL_PART}).content.decode()
        assert "unaccented Latin letters only" in beside(html, field), url
        assert "Enter a valid email" in beside(client.post(url, {**typed, field: "ada"}).content.decode(), field), url
    assert not mail.outbox
