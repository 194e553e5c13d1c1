"""Search covers everything a person may see, and nothing else."""

from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories


def search(browser: Client, words: str) -> str:
    return browser.get(reverse("search"), {"q": words}).content.decode().partition("<main")[2]


def test_search_finds_objects_of_all_accounts_by_part_of_their_name(
    browser: Client, account: Account, owner: Membership
) -> None:
    other = factories.account(owner.team, label="Other")
    vm, disk = factories.vm(account, "shop-1"), factories.disk(other, "shop-data")
    operation = factories.operation(other, by=owner, state="done", subject="shop-1")
    page = search(browser, "SHOP")
    for url in (
        reverse("server", args=[account.pk, vm.remote_id]),
        reverse("disk", args=[other.pk, disk.remote_id]),
        reverse("operation", args=[other.pk, operation.pk]),
    ):
        assert url in page


def test_search_finds_an_object_by_its_provider_id(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-1", remote_id=777123)
    assert reverse("server", args=[account.pk, vm.remote_id]) in search(browser, "777123")


def test_search_does_not_find_objects_of_other_teams(browser: Client) -> None:
    stranger = factories.member()
    theirs = factories.account(stranger.team)
    factories.vm(theirs, "shop-1")
    factories.disk(theirs, "shop-data")
    factories.operation(theirs, by=stranger, state="done", subject="shop-1")
    page = search(browser, "shop")
    assert "No matches" in page
    assert "shop-data" not in page


def test_empty_and_odd_queries_find_nothing(browser: Client, account: Account) -> None:
    factories.vm(account, "web-1")
    assert "web-1" not in search(browser, "  ")
    for words in ("\0", "9" * 300, "%", "²"):
        assert browser.get(reverse("search"), {"q": words}).status_code == 200


def test_search_says_when_there_is_more_in_the_same_queries(
    browser: Client, account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    factories.vm(account, "web-0")
    with django_assert_num_queries(8):
        assert "More results exist" not in search(browser, "web")
    for number in range(30):
        factories.vm(account, f"web-{number}x")
    with django_assert_num_queries(8):
        page = search(browser, "web")
    assert "More results exist" in page
    assert page.count("line-words") == 20
