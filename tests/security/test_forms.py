"""Cross-site forms, unknown form fields, open redirects and foreign host names."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.forms import model_to_dict
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.annotations.models import SavedView, Tag
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
from tests import factories
from tests.security.conftest import Other
from tests.web.access.access_matrix import ACCESS, Who
from tests.web.access.test_access_matrix import patterns
from tests.web.browsing import Page

AWAY = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "http:///evil.example/",
    "https:evil.example",
    "/%0d%0aLocation: https://evil.example/",
    "\thttps://evil.example/",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
)


def test_only_api_views_without_a_session_are_csrf_exempt(browser: Client) -> None:
    """A browser sends only cookies by itself, so an API that takes a token in a header cannot be forged."""
    exempt = [str(pattern.name) for pattern in patterns() if getattr(pattern.callback, "csrf_exempt", False)]
    for name in exempt:
        assert name.startswith("api_")
        for answer in (browser.get(reverse(name)), browser.post(reverse(name))):
            assert answer.status_code in {401, 405}, name


@pytest.mark.parametrize("signed_in", [True, False])
def test_forms_from_another_site_are_refused(pages: list[Page], owner: Membership, signed_in: bool) -> None:
    strict = Client(enforce_csrf_checks=True)
    if signed_in:
        strict.force_login(owner.user)
    rows = rows_of_everything()
    for page in pages:
        if ACCESS[page.name].post in {Who.NO_METHOD, Who.NOBODY}:
            continue
        response = strict.post(page.url, {"csrfmiddlewaretoken": "x" * 64}, headers={"Origin": "https://evil.example"})
        assert response.status_code == 403, page.url
        assert "evil.example" not in response.get("Location", ""), page.url
    assert rows_of_everything() == rows


def rows_of_everything() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in (Account, Membership, Operation, Plan, Tag, Team, User)}


@pytest.mark.parametrize("signed_in", [True, False])
def test_no_page_redirects_to_another_site(pages: list[Page], owner: Membership, signed_in: bool) -> None:
    client = Client()
    for page in pages:
        takes_all = page.name.startswith(("account_", "set_language", "home"))
        for away in AWAY if takes_all else AWAY[:2]:
            if signed_in and (takes_all or not client.session.session_key):
                client.force_login(owner.user)
            asked = {"next": away, "redirect_to": away, "return_to": away, "language": "fr"}
            glue = "&" if "?" in page.url else "?"
            answers = [client.post(page.url, asked)]
            if takes_all:
                answers += [client.get(page.url, asked), client.post(f"{page.url}{glue}next={away.strip()}", asked)]
            for response in answers:
                check_stays(page, response.get("Location", ""))
                check_stays(page, response.get("HX-Redirect", ""))


def check_stays(page: Page, location: str) -> None:
    there = urlsplit(location)
    assert there.scheme in {"", "http", "https"}, (page.name, location)
    assert there.netloc in {"", "testserver"}, (page.name, location)
    assert not location.startswith(("//", "/\\", "\\")), (page.name, location)


def test_sign_in_and_sign_out_do_not_redirect_to_another_site(db: None) -> None:
    person = factories.user()
    person.set_password(factories.PASSWORD)
    person.save()
    for away in AWAY:
        client = Client()
        typed = {"login": person.email, "password": factories.PASSWORD, "next": away}
        response = client.post("/auth/login/", typed)
        assert response.status_code == 302, away
        check_stays(Page("account_login", "/auth/login/"), response["Location"])
        response = client.post("/auth/logout/", {"next": away})
        check_stays(Page("account_logout", "/auth/logout/"), response["Location"])


@pytest.mark.parametrize("name", ["X-Forwarded-Host", "X-Host", "X-Forwarded-Server", "Forwarded"])
def test_headers_cannot_change_the_host_of_a_password_reset_link(db: None, settings: Settings, name: str) -> None:
    settings.PANEL_URL = "https://panel.example/"
    person = factories.user()
    person.set_password(factories.PASSWORD)
    person.save()
    value = "host=evil.example" if name == "Forwarded" else "evil.example"
    Client().post("/auth/password/reset/", {"email": person.email}, headers={name: value})
    (sent,) = mail.outbox
    assert "https://panel.example/auth/password/reset/key/" in sent.body
    assert "evil.example" not in sent.message().as_string()


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver:80@evil.example", "evil\r\nx"])
def test_request_with_a_foreign_host_sends_no_mail(db: None, host: str) -> None:
    person = factories.user()
    response = Client().post("/auth/password/reset/", {"email": person.email}, headers={"Host": host})
    assert response.status_code == 400
    assert not mail.outbox


def test_unknown_form_fields_are_ignored(browser: Client, account: Account, owner: Membership, other: Other) -> None:
    viewer = factories.member(Role.VIEWER, of=owner.team)
    vm, disk, free = factories.vm(account), factories.disk(account), factories.disk(account, name="free")
    factories.os_image(account, remote_id=3)
    product = factories.product(account)
    tag = factories.tag(owner.team, "first")
    extra = foreign_fields(other, viewer)
    theirs = snapshot(other.member.team)
    sent: dict[str, dict[str, Any]] = {
        reverse("account_settings", args=[account.pk]): {"label": "New label", "handle": account.handle},
        reverse("team_settings", args=[owner.team_id]): {"name": "New name", "bulk_at_once": 3},
        reverse("tag_new", args=[account.pk]): {"name": "second", "color": "red"},
        reverse("tag_edit", args=[account.pk, tag.pk]): {"name": "renamed", "color": "blue"},
        reverse("view_save", args=[account.pk, "servers"]) + "?state=halted": {"name": "Stopped"},
        reverse("server_note", args=[account.pk, vm.remote_id]): {"text": "note", "version": 0},
        reverse("server_tags", args=[account.pk, vm.remote_id]): {
            "on": tag.pk,
            "shown": "",
            "name": "",
            "color": "red",
        },
        reverse("shares_add", args=[account.pk]): {"product_name": "shares", "quantity": 1, "duration": "1m"},
        reverse("shares_renew", args=[account.pk, product.remote_id]): {"duration": "1m"},
        reverse("disk_new", args=[account.pk]): {"name": "new", "size_mb": "8", "fstype": "ext3"},
        reverse("disk_attach", args=[account.pk, disk.remote_id]): {"vm_id": f"#{vm.remote_id}"},
        reverse("disk_delete", args=[account.pk, free.remote_id]): {"name": "free"},
        reverse("server_stop", args=[account.pk, factories.vm(account).remote_id]): {},
        reverse("connect"): {
            "team": owner.team_id,
            "endpoint": account.endpoint_id,
            "label": "Second",
            "login": "XY1-GANDI",
            "handle": "XY1-GANDI",
            "password": "passw0rd-1",
        },
    }
    for url, form in sent.items():
        clean = {name: value for name, value in extra.items() if name not in form}
        response = browser.post(url, {**clean, **form})
        assert response.status_code in {302, 303}, (url, response.content.decode())
    assert snapshot(other.member.team) == theirs
    check_ours(owner, viewer, account, {disk.remote_id, free.remote_id, vm.remote_id})


def foreign_fields(other: Other, viewer: Membership) -> dict[str, Any]:
    """Fields an attacker could try to set, by column name."""
    return {
        **dict.fromkeys(("account", "account_id", "accounts"), other.account.pk),
        **dict.fromkeys(("team", "team_id"), other.member.team_id),
        **dict.fromkeys(("user", "user_id", "owner", "requested_by", "actor", "by", "asked_by"), other.member.user_id),
        **dict.fromkeys(("member", "membership", "member_id"), viewer.pk),
        **dict.fromkeys(("pk", "id"), 1),
        **dict.fromkeys(("is_staff", "is_superuser", "is_active", "narrowed", "offered", "needs_person"), "on"),
        "email": "evil@example.org",
        "role": "owner",
        "state": "done",
        "origin": "outside",
        "kind": "vm_delete",
        "params": "{}",
        "cost": "0",
        "remote_id": 4711,
        "reserved_shares": 0,
        "trouble": "",
        "sealed_password": "x",
        "sealed_secret": "x",
        "url": "https://evil.example/",
        "permissions": "view",
        "held": "",
        "approved_by": other.member.user_id,
        "expires_at": "2099-01-01",
    }


def snapshot(team: Team) -> list[object]:
    """Everything of a team that a form could reach."""
    team.refresh_from_db()
    accounts = Account.objects.filter(team=team)
    rows: list[object] = [model_to_dict(team, exclude=["members"])]
    for found in (accounts, Membership.objects.filter(team=team), Tag.objects.filter(team=team)):
        rows += list(found.order_by("pk").values())
    rows += list(SavedView.objects.filter(team=team).values())
    rows += list(Operation.objects.filter(account__in=accounts).values())
    return [*rows, *Plan.objects.filter(account__in=accounts).values("pk", "state", "spec")]


def check_ours(owner: Membership, viewer: Membership, account: Account, known: set[int]) -> None:
    """Check that the new rows belong to the owner and their team and are in their initial state."""
    kinds = {
        "hosting_account_product_add",
        "hosting_account_product_renew",
        "disk_create",
        "disk_attach",
        "disk_delete",
        "vm_stop",
    }
    operations = Operation.objects.filter(account=account)
    assert {operation.kind for operation in operations} == kinds
    for operation in operations:
        assert (operation.requested_by, operation.state, operation.origin) == (owner.user, "waiting", "panel")
        assert (operation.remote_id, operation.cost, operation.sealed_secret) == (None, None, "")
    viewer.refresh_from_db()
    owner.user.refresh_from_db()
    assert viewer.role == Role.VIEWER
    assert owner.user.email != "evil@example.org"
    assert set(Tag.objects.filter(team=owner.team).values_list("name", flat=True)) == {"renamed", "second"}
    view = SavedView.objects.get(team=owner.team)
    assert (view.owner, view.shared) == (owner.user, False)
    endpoint = account.endpoint
    endpoint.refresh_from_db()
    assert "evil" not in endpoint.url
    assert {each.trouble for each in Account.objects.filter(team=owner.team).exclude(pk=account.pk)} == {"untested"}
