"""Pages say how old each of their numbers is, and show a sync until it has landed."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory import ages
from hosting.inventory.models import AccountInfo
from tests import factories

pytestmark = pytest.mark.django_db


def set_ages(account: Account, **moments: datetime) -> None:
    Account.objects.filter(pk=account.pk).update(**moments)


def details(browser: Client, url: str) -> tuple[bool, str]:
    html = browser.get(url).content.decode()
    opened, _, rest = html.partition('<span data-age-of="details"')
    assert rest, opened[-500:]
    tag, _, text = rest.partition(">")
    return "hidden" not in tag, text.partition("</span>")[0]


def test_older_details_are_named_beside_the_lists(browser: Client, account: Account) -> None:
    now = timezone.now()
    set_ages(account, mirrored_at=now, details_at=now - timedelta(minutes=9))
    shown, text = details(browser, reverse("servers", args=[account.pk]))
    assert shown
    assert f"{now - timedelta(minutes=9):%H:%M:%S}" in text


def test_details_as_old_as_the_lists_are_not_named(browser: Client, account: Account) -> None:
    now = timezone.now()
    set_ages(account, mirrored_at=now, details_at=now - timedelta(seconds=3))
    shown, _ = details(browser, reverse("servers", args=[account.pk]))
    assert not shown


def test_page_of_a_server_has_the_age_of_its_own_reading(browser: Client, account: Account) -> None:
    now = timezone.now()
    set_ages(account, mirrored_at=now, details_at=now - timedelta(minutes=9))
    vm = factories.vm(account, read_at=now - timedelta(minutes=4))
    shown, text = details(browser, reverse("server", args=[account.pk, vm.remote_id]))
    assert shown
    assert f"{now - timedelta(minutes=4):%H:%M:%S}" in text


def test_balance_and_capacity_have_their_own_age(browser: Client, account: Account) -> None:
    read_at = timezone.now() - timedelta(minutes=6)
    AccountInfo.objects.filter(account=account).update(read_at=read_at)
    html = browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    cards = html.split('data-age-of="info"')[1:]
    assert len(cards) == 2
    assert all(f"{read_at:%H:%M:%S}" in card[:400] for card in cards)


def test_sync_shows_until_it_has_landed_and_the_page_polls_fast(browser: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    assert "Syncing…" not in browser.get(url).content.decode()
    browser.post(reverse("refresh", args=[account.pk]))
    html = browser.get(url).content.decode()
    assert "Syncing…" in html
    assert 'data-open="true"' in html
    ages.finish_round(account, began=timezone.now())
    html = browser.get(url).content.decode()
    assert "Syncing…" not in html
    assert 'data-open="false"' in html


def test_away_provider_ends_the_sign_of_a_sync_but_not_the_sync(browser: Client, account: Account) -> None:
    browser.post(reverse("refresh", args=[account.pk]))
    account.endpoint.away_since = timezone.now()
    account.endpoint.save()
    assert "Syncing…" not in browser.get(reverse("servers", args=[account.pk])).content.decode()
    account.refresh_from_db()
    assert account.sync_requested_at is not None


def test_open_page_of_a_followed_account_asks_often(browser: Client, account: Account) -> None:
    url = reverse("servers", args=[account.pk])
    assert "data-followed" not in browser.get(url).content.decode()
    set_ages(account, listening_until=timezone.now() + timedelta(seconds=20))
    assert "data-followed" in browser.get(url).content.decode()
    set_ages(account, listening_until=timezone.now() - timedelta(seconds=1))
    assert "data-followed" not in browser.get(url).content.decode()
