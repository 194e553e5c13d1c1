"""Live pages: a poll without news runs no SQL; otherwise it returns only the live part."""

import re
import time

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.inventory import progress
from hosting.inventory.models import AccountInfo
from hosting.inventory.progress import Progress
from hosting.teams.models import Membership
from hosting.web.wording.imports import time_left
from tests import factories
from tests.web.browsing import every_page

LIVE = [
    "dashboard",
    "attention",
    "shares",
    "servers",
    "server",
    "server_figures",
    "disks",
    "disk",
    "operations",
    "operation",
    "plan",
    "planner",
    "changes",
    "login",
    "tags",
    "views",
]


def shown_version(html: str) -> str:
    found = re.search(r'data-version="([^"]+)"', html)
    assert found
    return found.group(1)


def poll(client: Client, url: str, version: str) -> tuple[int, str]:
    response = client.get(url, headers={"HX-Request": "true", "X-Sharedeck-Version": version})
    return response.status_code, response.content.decode()


@pytest.mark.parametrize("name", LIVE)
def test_poll_of_an_unchanged_page_runs_no_sql(
    browser: Client,
    account: Account,
    owner: Membership,
    django_assert_num_queries: DjangoAssertNumQueries,
    name: str,
) -> None:
    url = next(page.url for page in every_page(account, owner) if page.name == name)
    version = shown_version(browser.get(url).content.decode())
    with django_assert_num_queries(0):
        assert poll(browser, url, version) == (204, "")


def test_poll_of_an_unchanged_page_returns_the_ages_of_its_data(browser: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    version = shown_version(browser.get(url).content.decode())
    at = timezone.now()
    versions.record_ages(account.pk, (at, None, at))
    response = browser.get(url, headers={"HX-Request": "true", "X-Sharedeck-Version": version})
    assert (response.status_code, response["X-Sharedeck-Ages"]) == (204, f"{at.isoformat()} - {at.isoformat()}")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", LIVE)
def test_poll_after_a_change_returns_the_live_part_and_the_new_version(name: str) -> None:
    owner = factories.member()
    account = factories.account(owner.team)
    browser = Client()
    browser.force_login(owner.user)
    url = next(page.url for page in every_page(account, owner) if page.name == name)
    version = shown_version(browser.get(url).content.decode())
    versions.bump(account.pk)
    status, html = poll(browser, url, version)
    assert status == 200
    assert html.lstrip().startswith('<div id="live"')
    assert "<html" not in html
    assert 'id="data-age" class="data-age" hx-swap-oob="true"' in re.sub(r"\s+", " ", html)
    new = shown_version(html)
    assert new != version
    assert poll(browser, url, new) == (204, "")


def test_unchanged_page_is_rendered_again_after_five_minutes(
    browser: Client, account: Account, owner: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who lost access must not keep the page for hours."""
    url = reverse("servers", args=[account.pk])
    now = time.time()
    monkeypatch.setattr("django.core.signing.time.time", lambda: now)
    version = shown_version(browser.get(url).content.decode())
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 299)
    assert poll(browser, url, version) == (204, "")
    monkeypatch.setattr("django.core.signing.time.time", lambda: now + 302)
    status, html = poll(browser, url, version)
    assert (status, shown_version(html) != version) == (200, True)
    owner.delete()
    assert poll(browser, url, version)[0] == 404


def test_poll_with_the_version_of_another_person_is_not_found(
    browser: Client, account: Account, client: Client
) -> None:
    url = reverse("servers", args=[account.pk])
    version = shown_version(browser.get(url).content.decode())
    stranger = factories.member()
    client.force_login(stranger.user)
    assert poll(client, url, version)[0] == 404
    for guess in ("1", "2", str(account.version), version.split(":", maxsplit=1)[0]):
        assert poll(client, url, guess)[0] == 404


def test_poll_with_an_unreadable_version_returns_the_page(browser: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    for version in ("", "x", "1:2:3", "☃".encode().decode("latin-1")):
        assert poll(browser, url, version)[0] == 200


def test_page_marks_open_operations_to_set_the_poll_interval(browser: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    assert 'data-open="false"' in browser.get(url).content.decode()
    factories.running_operation(account)
    versions.bump(account.pk)
    assert 'data-open="true"' in browser.get(url).content.decode()


def test_page_polls_often_while_the_provider_is_away(browser: Client, account: Account) -> None:
    type(account.endpoint).objects.update(away_since=timezone.now())
    assert 'data-open="true"' in browser.get(reverse("servers", args=[account.pk])).content.decode()


def test_progress_bar_carries_the_start_time_for_animation(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    operation = factories.running_operation(account, 40, target=f"vm:{vm.remote_id}", vm_id=vm.remote_id)
    page = browser.get(reverse("servers", args=[account.pk])).content.decode()
    found = re.search(r"<progress[^>]+>", page)
    assert found
    assert operation.started_at
    assert f'data-started="{int(operation.started_at.timestamp() * 1000)}"' in found.group()
    assert re.search(r'value="4[01]"', found.group())


def test_htmx_action_returns_the_updated_live_region(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    here = reverse("servers", args=[account.pk])
    response = browser.post(
        reverse("server_stop", args=[account.pk, vm.remote_id]),
        {"next": here},
        headers={"HX-Request": "true"},
        follow=True,
    )
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="live"')
    assert "was submitted" in html
    assert 'id="messages"' in html


def test_every_page_says_when_the_account_was_not_synced_yet(browser: Client, owner: Membership) -> None:
    account = factories.account(owner.team, mirrored_at=None)
    for name in ("dashboard", "servers", "disks", "shares", "operations", "changes", "server_new", "disk_new"):
        assert "Not synced yet" in browser.get(reverse(name, args=[account.pk])).content.decode(), name


def test_first_import_shows_its_progress_and_remaining_time(
    browser: Client, owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    account = factories.account(owner.team, mirrored_at=None)
    AccountInfo.objects.all().delete()
    progress.publish(account.pk, Progress(412, 2000, 38))
    for name in ("dashboard", "servers", "disks", "shares", "server_new", "account_settings"):
        page = browser.get(reverse(name, args=[account.pk])).content.decode()
        assert "412 of 2,000, about 40 seconds left" in page, name
        assert re.search(r'<progress max="2000"\s+value="412"', page), name
    assert "412 of 2,000" in browser.get(reverse("accounts")).content.decode()
    url = reverse("servers", args=[account.pk])
    page = browser.get(url).content.decode()
    assert 'data-open="true"' in page
    version = shown_version(page)
    with django_assert_num_queries(0):
        assert poll(browser, url, version) == (204, "")
    progress.publish(account.pk, Progress(512, 2000))
    status, page = poll(browser, url, version)
    assert status == 200
    assert "512 of 2,000</span>" in page
    assert "left" not in page


def test_import_without_progress_shows_no_bar(browser: Client, owner: Membership) -> None:
    account = factories.account(owner.team, mirrored_at=None)
    url = reverse("servers", args=[account.pk])
    page = browser.get(url).content.decode()
    assert "Not synced yet" in page
    assert "No data yet" in page
    assert "No servers yet" not in page
    assert "<progress" not in page
    assert poll(browser, url, shown_version(page)) == (204, "")
    progress.publish(account.pk, Progress(1, 10))
    assert poll(browser, url, shown_version(page))[0] == 200


def test_progress_of_a_finished_import_is_hidden(browser: Client, account: Account) -> None:
    progress.publish(account.pk, Progress(10, 10, 0))
    assert "<progress" not in browser.get(reverse("servers", args=[account.pk])).content.decode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds left"),
        (14, "about 10 seconds left"),
        (59, "about 1 minute left"),
        (80, "about 1 minute left"),
        (3000, "about 50 minutes left"),
        (9000, "about 2 hours left"),
    ],
)
def test_remaining_time_is_rounded(seconds: int, words: str) -> None:
    assert time_left(seconds) == words
