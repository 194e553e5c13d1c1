"""Every page loads, is one valid document, and follows the content security policy."""

from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories
from tests.web.browsing import every_page


class Inspector(HTMLParser):
    """Collects the forbidden and the required elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.ids: list[str] = []
        self.labels: set[str] = set()
        self.fields: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.lang = ""
        self.inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        for name in values:
            if name == "style" or name.startswith(("on", "hx-on", "data-hx-on")):
                self.problems.append(f"<{tag} {name}>")
        # Data for scripts, which browsers do not run.
        data = values.get("type") == "application/json"
        if tag == "style" or (tag == "script" and not (values.get("src") or data)):
            self.problems.append(f"<{tag}> inline")
        if "javascript:" in str(values.get("href", "")):
            self.problems.append("javascript: link")
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "label":
            self.labels.add(str(values.get("for")))
        if tag in {"input", "select", "textarea"} and values.get("type") not in {"hidden", "submit"}:
            self.fields.append((tag, values))
        if tag in {"h1", "h2", "h3", "h4"}:
            self.headings.append(int(tag[1]))
        if tag == "html":
            self.lang = str(values.get("lang"))


def inspect(html: str) -> Inspector:
    inspector = Inspector()
    inspector.feed(html)
    return inspector


def check(url: str, html: str) -> None:
    page = inspect(html)
    assert page.problems == [], url
    assert len(page.ids) == len(set(page.ids)), f"{url}: the same id twice: {sorted(page.ids)}"
    assert page.lang == "en", url
    assert page.headings.count(1) == 1, f"{url}: one h1, not {page.headings}"
    assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False)), (
        f"{url}: a heading level is left out: {page.headings}"
    )
    for tag, values in page.fields:
        labelled = values.get("id") in page.labels or values.get("aria-label")
        assert labelled, f"{url}: <{tag} name={values.get('name')}> has no label"


def test_every_account_page_is_valid(browser: Client, account: Account, owner: Membership) -> None:
    factories.change(account, before={"memory_mb": 256}, after={"memory_mb": 512})
    for page in every_page(account, owner):
        if page.posts or page.name in {"operation_retry", "server_console_connection"}:
            continue
        response = browser.get(page.url)
        assert response.status_code == 200, page.url
        assert "script-src 'nonce-" in response["Content-Security-Policy"], page.url
        assert "unsafe" not in response["Content-Security-Policy"], page.url
        assert "no-store" in response["Cache-Control"], page.url
        check(page.url, response.content.decode())


@pytest.mark.parametrize(
    "name",
    [
        "account_change_password",
        "account_email",
        "account_logout",
        "account_reauthenticate",
        "accounts",
        "connect",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_index",
        "profile",
        "usersessions_list",
    ],
)
def test_every_personal_page_is_valid(browser: Client, account: Account, owner: Membership, name: str) -> None:
    owner.user.set_password(factories.PASSWORD)
    owner.user.save()
    browser.force_login(owner.user)
    response = browser.get(reverse(name))
    assert response.status_code == 200
    check(name, response.content.decode())


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "account_email_verification_sent",
        "account_inactive",
        "account_login",
        "account_reset_password",
        "account_reset_password_done",
        "account_reset_password_from_key_done",
        "account_signup",
    ],
)
def test_every_anonymous_page_is_valid(client: Client, name: str) -> None:
    response = client.get(reverse(name))
    assert response.status_code == 200
    check(name, response.content.decode())


def test_home_redirects_to_the_first_account(browser: Client, account: Account) -> None:
    assert browser.get("/")["Location"] == reverse("dashboard", args=[account.pk])


def test_home_without_accounts_offers_to_connect_one(browser: Client) -> None:
    assert "Connect account" in browser.get("/").content.decode()


def test_home_without_a_team_says_so(db: None, client: Client) -> None:
    client.force_login(factories.user())
    assert "You are not in a team yet" in client.get("/").content.decode()


def test_account_before_its_first_import_has_pages(browser: Client, owner: Membership) -> None:
    account = factories.account(owner.team, mirrored_at=None)
    account.info.delete()
    page = browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    assert "First import in progress" in page
    for name in ("shares", "servers", "server_new"):
        assert browser.get(reverse(name, args=[account.pk])).status_code == 200


@pytest.mark.parametrize("status", ["404"])
def test_error_page_uses_the_panel_layout(browser: Client, status: str) -> None:
    response = browser.get("/no/such/page/")
    assert response.status_code == 404
    check("404", response.content.decode())
    assert "Page not found" in response.content.decode()


def test_provider_names_are_escaped(browser: Client, account: Account, owner: Membership) -> None:
    evil = "<script>alert(1)</script>"
    vm = factories.vm(account, evil, os_label=evil, console=evil)
    disk = factories.disk(account, evil, on=vm, label=evil, fstype='"><img src=x onerror=alert(1)>'[:20])
    operation = factories.operation(
        account, subject=evil, params={"hostname": evil}, state="refused", problem={"reason": "fault", "text": evil}
    )
    factories.change(account, name=evil, before={evil: evil}, after={evil: evil})
    urls = [
        reverse("dashboard", args=[account.pk]),
        reverse("servers", args=[account.pk]),
        reverse("server", args=[account.pk, vm.remote_id]),
        reverse("disks", args=[account.pk]),
        reverse("disk", args=[account.pk, disk.remote_id]),
        reverse("disk_attach", args=[account.pk, disk.remote_id]),
        reverse("disk_delete", args=[account.pk, disk.remote_id]),
        reverse("operations", args=[account.pk]),
        reverse("operation", args=[account.pk, operation.pk]),
        reverse("changes", args=[account.pk]),
    ]
    for url in urls:
        page = browser.get(url).content.decode()
        assert evil not in page, url
        assert inspect(page).problems == [], url


def test_language_can_be_chosen(browser: Client, account: Account) -> None:
    url = reverse("dashboard", args=[account.pk])
    browser.post(reverse("set_language"), {"language": "fr", "next": url})
    assert '<html lang="fr">' in browser.get(url).content.decode()


CANDIDATES = [
    {
        "id": number,
        "state": "DONE",
        "created": "2026-11-23T09:00:00+00:00",
        "source": "AA1234-GANDI",
        "params": {"quantity": 2},
        "objects": {"product_id": number},
    }
    for number in (41, 42)
]


def test_member_can_choose_the_matching_provider_operation(browser: Client, account: Account) -> None:
    operation = factories.operation(
        account, state="uncertain", needs_person=True, problem={"reason": "no_answer", "candidates": CANDIDATES}
    )
    here = reverse("operation", args=[account.pk, operation.pk])
    refused = browser.post(reverse("operation_is", args=[account.pk, operation.pk, 43]), follow=True)
    assert "one of the matching operations" in refused.content.decode()
    response = browser.post(reverse("operation_is", args=[account.pk, operation.pk, 42]))
    assert (response.status_code, response["Location"]) == (303, here)
    operation.refresh_from_db()
    assert (operation.state, operation.remote_id, operation.product_id) == ("tracked", 42, 42)


def test_uncertain_operation_lists_its_candidates(browser: Client, account: Account) -> None:
    operation = factories.operation(
        account, state="uncertain", needs_person=True, problem={"reason": "no_answer", "candidates": CANDIDATES}
    )
    page = browser.get(reverse("operation", args=[account.pk, operation.pk])).content.decode()
    assert "Which operation is it?" in page
    assert "<code>41</code>" in page
    assert "<code>42</code>" in page


def test_failing_page_shows_the_500_page(browser: Client, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosting.reading.queries.accounts_of", lambda memberships: 1 / 0)
    browser.raise_request_exception = False
    response = browser.get(reverse("servers", args=[account.pk]))
    assert response.status_code == 500
    check("500", response.content.decode())


def test_server_page_lists_the_operations_of_the_server(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-1")
    made = factories.operation(account, kind="vm_create", subject="web-1", vm_id=vm.remote_id, state="done")
    attached = factories.operation(account, kind="disk_attach", vm_id=vm.remote_id, state="tracked", target="disk:9")
    other = factories.operation(account, vm_id=vm.remote_id + 1, state="done")
    page = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    for operation in (made, attached):
        assert reverse("operation", args=[account.pk, operation.pk]) in page
    assert reverse("operation", args=[account.pk, other.pk]) not in page
    # Attaching a disk does not make the server busy.
    assert reverse("server_stop", args=[account.pk, vm.remote_id]) in page


def test_operation_links_to_its_object_while_it_exists(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    operation = factories.operation(account, kind="vm_delete", vm_id=vm.remote_id, state="done")
    url = reverse("operation", args=[account.pk, operation.pk])
    to_server = reverse("server", args=[account.pk, vm.remote_id])
    assert to_server in browser.get(url).content.decode()
    vm.delete()
    assert to_server not in browser.get(url).content.decode()


def test_pages_work_without_redis(browser: Client, account: Account, settings: Settings) -> None:
    vm = factories.vm(account)
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:9/0"}}
    for name in ("dashboard", "servers", "operations"):
        assert browser.get(reverse(name, args=[account.pk])).status_code == 200
    stop = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), follow=True)
    assert "was submitted" in stop.content.decode()


def test_pages_say_since_when_the_provider_is_unreachable(browser: Client, account: Account) -> None:
    account.endpoint.away_since = timezone.now() - timedelta(hours=1)
    account.endpoint.save()
    since = f"{timezone.localtime(account.endpoint.away_since):%H:%M:%S}"
    for url in (reverse("dashboard", args=[account.pk]), reverse("servers", args=[account.pk]), reverse("accounts")):
        page = browser.get(url).content.decode()
        assert f">{since}</time>" in page or f" {since}</time>" in page, url


def test_operation_and_its_retry_link_to_each_other(browser: Client, account: Account, owner: Membership) -> None:
    first = factories.operation(account, by=owner, state="failed")
    again = factories.operation(account, by=owner, state="tracked", retry_of=first)
    to_first, to_again = (reverse("operation", args=[account.pk, each.pk]) for each in (first, again))
    assert f'href="{to_again}">#{again.pk}</a>' in browser.get(to_first).content.decode()
    assert f'href="{to_first}">#{first.pk}</a>' in browser.get(to_again).content.decode()


def test_pages_of_an_account_with_rejected_credentials_say_so(
    browser: Client, client: Client, account: Account, owner: Membership
) -> None:
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    viewer = Client()
    viewer.force_login(factories.member("viewer", of=owner.team).user)
    for name in ("dashboard", "servers", "shares", "operations", "attention", "server_new"):
        page = browser.get(reverse(name, args=[account.pk])).content.decode()
        assert "The provider rejected the credentials." in page, name
        assert reverse("account_settings", args=[account.pk]) in page, name
    page = viewer.get(reverse("dashboard", args=[account.pk])).content.decode()
    assert "The provider rejected the credentials." in page
    assert "Ask an owner or an admin of your team." in page
