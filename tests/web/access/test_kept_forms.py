"""Nothing that somebody typed is lost: after signing in, or confirming who they are, they stand on the form again with
every field but secrets, and nothing was sent.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.test.html import Element, parse_html
from django.urls import reverse
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.annotations.models import Tag
from hosting.inventory.models import Vm
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from tests import factories
from tests.web.access.access_matrix import ACCESS, Who
from tests.web.access.signing_in import PASSWORD, code, person_with_password, stale, with_app
from tests.web.browsing import every_other_page, every_page

SIGNED_OUT = "You were signed out; nothing was sent."
# Forms of django-allauth hold secrets, or nothing but an address.
OF_NO_ACCOUNT = ["connect", "team_new", "profile"]
# Kept only by the browser: a choice among what was listed there, of which nothing is typed.
WITHOUT_FIELDS = {"language"}


@dataclass
class Form:
    """What a form posts when somebody has typed into each of its fields."""

    typed: dict[str, list[str]] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)

    def type(self, element: Element) -> None:
        attributes = dict(element.attributes)
        name, kind = str(attributes.get("name", "")), str(attributes.get("type", "text"))
        if not name or "disabled" in attributes or name in {"csrfmiddlewaretoken", "nonce"}:
            return
        if kind == "password" or name in {"user_data", "public_key"}:
            self.typed[name] = ["hunter2-hunter2"]
            self.secrets.add(name)
        elif element.name == "select":
            options = [dict(each.attributes) for each in walk(element) if each.name == "option"]
            self.typed[name] = [str(options[-1].get("value", ""))] if options else []
        elif kind in {"checkbox", "radio"}:
            self.typed.setdefault(name, []).append(str(attributes.get("value", "on")))
            if kind == "radio":
                self.typed[name] = self.typed[name][-1:]
        elif kind == "hidden":
            self.typed.setdefault(name, []).append(str(attributes.get("value", "")))
        else:
            self.typed[name] = [f"Typed {len(self.typed)}"]


def walk(element: Any) -> Iterator[Element]:
    if isinstance(element, Element):
        yield element
        for child in element.children:
            yield from walk(child)


def forms_of(page: str, url: str) -> list[Form]:
    """The forms of a page that post to its own address."""
    found = []
    body = page[page.index("<main") : page.index("</main>") + 7]
    for element in walk(parse_html(body)):
        attributes = dict(element.attributes)
        posts_here = attributes.get("method") == "post" and attributes.get("action", url) in {"", url}
        if element.name == "form" and posts_here and "id" not in attributes:
            form = Form()
            for each in walk(element):
                if each.name in {"input", "textarea", "select"}:
                    form.type(each)
            found.append(form)
    return found


def rows() -> dict[str, int]:
    kept = {"Session", "UserSession", "AuditEntry"}
    models = [model for model in apps.get_models() if model.__name__ not in kept]
    return {model.__name__: model._default_manager.count() for model in models}


def sign_in_again(client: Client, person: Membership, response: Any) -> Any:
    """Follow the redirect to the sign-in, sign in, and go where that leads."""
    assert response.status_code == 302
    assert response["Location"].startswith("/auth/login/?next=")
    client.force_login(person.user)
    following = client.get(response["Location"])
    while following.status_code == 302:
        following = client.get(following["Location"])
    return following


def test_every_form_is_as_it_was_after_signing_in_again(account: Account, owner: Membership) -> None:
    factories.member(of=owner.team)
    seen = 0
    for page in [*every_page(account, owner), *every_other_page(OF_NO_ACCOUNT)]:
        if page.posts or ACCESS[page.name].post in {Who.NO_METHOD, Who.NOBODY}:
            continue
        client = Client()
        client.force_login(owner.user)
        html = client.get(page.url).content.decode()
        for form in forms_of(html, page.url):
            if not set(form.typed) - form.secrets:
                continue
            before = rows()
            client.session.flush()
            # One address may have so many forms kept.
            cache.clear()
            again = sign_in_again(client, owner, client.post(page.url, form.typed))
            html = again.content.decode()
            assert again.status_code == 200, page
            assert SIGNED_OUT in html, page
            assert rows() == before, page
            shown = [each.typed for each in forms_of(html, page.url)]
            assert any(still_there(form, one, html) for one in shown), (page, form.typed)
            assert "hunter2" not in html, page
            seen += 1
    assert seen > 30


def still_there(form: Form, shown: dict[str, list[str]], html: str) -> bool:
    """Whether this is the same form, and every value is on the page."""
    if set(form.typed) - set(shown):
        return False
    values = [value for name, found in form.typed.items() if name not in form.secrets for value in found]
    return all(value in html for value in values if value.startswith("Typed"))


def test_button_that_was_pressed_signed_out_leads_back_to_its_page(
    browser: Client, account: Account, owner: Membership
) -> None:
    vm = factories.vm(account)
    here = reverse("server", args=[account.pk, vm.remote_id])
    browser.session.flush()
    response = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), {"next": here})
    page = sign_in_again(browser, owner, response).content.decode()
    assert SIGNED_OUT in page
    assert "<h1" in page
    assert vm.hostname in page
    assert not Operation.objects.exists()


def test_form_sent_before_confirming_who_one_is_waits_on_its_page(
    browser: Client, account: Account, owner: Membership
) -> None:
    # Somebody without a password could confirm nothing.
    owner.user.set_password(factories.PASSWORD)
    owner.user.save()
    browser.force_login(owner.user)
    url = reverse("handle_new", args=[account.pk])
    stale(browser, 86_400)
    response = browser.post(url, {"label": "Typed label", "handle": "TY1-PED", "password": "hunter2-hunter2"})
    assert "reauthenticate" in response["Location"]
    # As the page "Confirm it's you" does.
    stale(browser, -86_400)
    page = browser.get(url).content.decode()
    assert "Typed label" in page
    assert "You had to confirm it&#x27;s you; nothing was sent." in page
    assert "hunter2" not in page
    assert not Account.objects.filter(label="Typed label").exists()


def test_form_that_another_tab_made_invalid_is_kept(account: Account, owner: Membership) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user)
    url = reverse("tag_new", args=[account.pk])
    response = strict.post(url, {"name": "Typed tag", "color": "red"}, headers={"Origin": "http://testserver"})
    assert response.status_code == 403
    assert f'href="{url}"' in response.content.decode()
    page = strict.get(url).content.decode()
    assert "Typed tag" in page
    assert "The form had expired; nothing was sent." in page


def test_form_that_another_site_has_sent_is_not_kept(account: Account, owner: Membership) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(owner.user)
    url = reverse("tag_new", args=[account.pk])
    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        assert strict.post(url, {"name": "Their tag"}, headers=origin).status_code == 403
        assert "Their tag" not in strict.get(url).content.decode()


def test_form_can_be_sent_again_from_the_page_that_says_the_panel_is_unavailable(
    account: Account, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = Client(raise_request_exception=False)
    browser.force_login(owner.user)

    def away(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    url = reverse("tag_new", args=[account.pk])
    with monkeypatch.context() as patched:
        patched.setattr("hosting.annotations.tags.create", away)
        response = browser.post(url, {"name": "Typed <tag>", "color": "red", "password": "hunter2"})
    page = response.content.decode()
    assert response.status_code == 503
    assert f'<form method="post" action="{url}">' in page
    assert '<input type="hidden" name="name" value="Typed &lt;tag&gt;">' in page
    assert "hunter2" not in page


def test_kept_form_is_forgotten_after_it_was_sent_or_half_an_hour(
    browser: Client, account: Account, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = reverse("tag_new", args=[account.pk])

    def signed_out() -> None:
        browser.session.flush()
        browser.post(url, {"name": "Typed tag", "color": "red"})
        browser.force_login(owner.user)

    signed_out()
    assert "Typed tag" in browser.get(url).content.decode()
    assert browser.post(url, {"name": "Another", "color": "red"}).status_code == 303
    assert "Typed tag" not in browser.get(url).content.decode()
    signed_out()
    now = time.time()
    monkeypatch.setattr("hosting.web.answers.kept_form.time.time", lambda: now + 1801)
    assert "Typed tag" not in browser.get(url).content.decode()


def test_kept_form_that_would_be_valid_is_not_carried_out(
    browser: Client, account: Account, owner: Membership, settings: Settings
) -> None:
    """Neither by its view, which sees it as invalid, nor by one that does not ask."""
    vm = factories.vm(account, state=Vm.State.RUNNING)
    url = reverse("shares_add", args=[account.pk])
    browser.session.flush()
    browser.post(url, {"product_name": "shares", "quantity": "2", "duration": "1m"})
    browser.force_login(owner.user)
    for _ in range(2):
        assert SIGNED_OUT in browser.get(url).content.decode()
    leave = reverse("team_leave", args=[owner.team_id])
    factories.member(of=owner.team)
    browser.session.flush()
    browser.post(leave)
    browser.force_login(owner.user)
    browser.get(leave)
    assert not Operation.objects.exists()
    assert Membership.objects.filter(pk=owner.pk).exists()
    assert vm.pk


def test_strangers_cannot_fill_the_database_with_forms(account: Account) -> None:
    url = reverse("tag_new", args=[account.pk])
    stranger = Client()
    stranger.post(url, {"name": "x" * 30_000})
    assert stranger.session["kept_form"]["fields"] == []
    kept = [Client() for _ in range(25)]
    for each in kept:
        each.post(url, {"name": "x"})
    assert sum("kept_form" in each.session for each in kept) < 20


def test_form_is_as_it_was_after_password_and_code(account: Account, owner: Membership) -> None:
    person = with_app(person_with_password())
    factories.member(of=owner.team, person=person)
    client, url = Client(), reverse("tag_new", args=[account.pk])
    client.force_login(person)
    client.session.flush()
    to_sign_in = client.post(url, {"name": "Typed tag", "color": "red", "password": "hunter2-hunter2"})["Location"]
    page = client.get(to_sign_in).content.decode()
    following = re.search(r'name="next" value="([^"]+)"', page)
    assert following
    typed = {"login": person.email, "password": PASSWORD, "next": following[1]}
    second = client.post(to_sign_in, typed)["Location"]
    assert second.startswith("/auth/2fa/authenticate/")
    # Not before the code.
    assert client.get(url).status_code == 302
    assert client.post(second, {"code": "000000"}).status_code == 200
    back = client.post(second, {"code": code()})["Location"]
    assert back == url
    page = client.get(back).content.decode()
    assert SIGNED_OUT in page
    assert "Typed tag" in page
    assert 'value="red" selected' in page or re.search(r'value="red"[^>]*checked', page)
    assert "hunter2" not in page
    assert not Tag.objects.exists()


HERE = {"Origin": "http://testserver"}


def test_form_that_is_too_large_says_what_is_too_large_and_keeps_what_fits(
    browser: Client, account: Account, owner: Membership
) -> None:
    url = reverse("tag_new", args=[account.pk])
    long = "Lorem ipsum é " * 250_000
    typed = urlencode({"color": "red", "name": long, "password": "hunter2-hunter2"})
    response = browser.post(url, typed, content_type="application/x-www-form-urlencoded", headers=HERE)
    said = response.content.decode()
    assert response.status_code == 413
    assert "and the panel takes at most 2.5\xa0MB at once" in said
    assert "begins with “Lorem ipsum é Lorem ipsum" in said
    assert f'href="{url}"' in said
    assert "hunter2" not in said
    page = browser.get(url).content.decode()
    assert "The form was too large; nothing was sent. The longest entries were cut." in page
    assert "Lorem ipsum é Lorem ipsum" in page
    assert len(page) < 100_000
    assert re.search(r'value="red"[^>]*(selected|checked)', page)
    assert not Tag.objects.exists()


def test_form_with_too_many_entries_says_so(browser: Client, account: Account) -> None:
    url = reverse("tag_new", args=[account.pk])
    response = browser.post(url, {"name": "Typed tag", "ids": list(range(1_500))}, headers=HERE)
    assert response.status_code == 413


@pytest.mark.parametrize("origin", [{"Origin": "https://evil.example"}, {"Origin": "null"}, {}])
def test_too_large_form_that_another_site_has_sent_is_not_kept(
    browser: Client, account: Account, origin: dict[str, str]
) -> None:
    url = reverse("tag_new", args=[account.pk])
    typed = urlencode({"name": "Their tag " * 300_000})
    sent = browser.post(url, typed, content_type="application/x-www-form-urlencoded", headers=origin)
    assert sent.status_code == 413
    assert "Their tag" not in browser.get(url).content.decode()
