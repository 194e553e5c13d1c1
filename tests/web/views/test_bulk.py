"""Choosing many objects in a list, and one change for all of them."""

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories


@pytest.fixture
def servers(account: Account) -> list[Vm]:
    return [factories.vm(account, f"web-{number}", state="running" if number else "halted") for number in range(4)]


def url(account: Account, action: str, *ids: int, section: str = "servers", **more: str) -> str:
    asked = [f"action={action}", *(f"ids={number}" for number in ids), *(f"{key}={text}" for key, text in more.items())]
    return reverse(f"{section}_bulk", args=[account.pk]) + "?" + "&".join(asked)


def confirm(browser: Client, address: str, **fields: object) -> object:
    """Send the form of the page at `address` as it was shown, with `fields` filled in."""
    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    return browser.post(address, {**shown, **fields})


def test_what_is_chosen_is_named_and_what_does_not_fit_is_left_out(
    browser: Client, account: Account, servers: list[Vm]
) -> None:
    html = browser.get(url(account, "stop", *(vm.remote_id for vm in servers[:3]))).content.decode()
    assert "<li>web-1</li>" in html
    assert "<li>web-2</li>" in html
    assert "<li>web-0</li>" not in html
    assert "1 is left out (not running)." in html


def test_confirming_changes_what_was_shown_and_leads_to_its_page(
    browser: Client, account: Account, servers: list[Vm]
) -> None:
    response = confirm(browser, url(account, "stop", *(vm.remote_id for vm in servers)))
    bulk = Bulk.objects.get(account=account)
    assert response.url == reverse("bulk", args=[account.pk, bulk.pk])  # type: ignore[attr-defined]
    assert set(bulk.rows.values_list("subject", flat=True)) == {"web-1", "web-2", "web-3"}


def test_the_same_form_twice_is_one_change(browser: Client, account: Account, servers: list[Vm]) -> None:
    address = url(account, "stop", servers[1].remote_id)
    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    assert browser.post(address, shown).url == browser.post(address, shown).url  # type: ignore[attr-defined]
    assert Bulk.objects.count() == 1


def test_all_that_fit_the_search_are_chosen_on_every_page(browser: Client, account: Account) -> None:
    for number in range(120):
        factories.vm(account, f"{'web' if number % 2 else 'db'}-{number}")
    confirm(browser, url(account, "stop", all="1", q="web"))
    assert Bulk.objects.get().rows.count() == 60


def test_what_was_shown_is_changed_although_more_fit_by_now(browser: Client, account: Account) -> None:
    factories.vm(account, "web-1")
    address = url(account, "stop", all="1")
    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    factories.vm(account, "web-2")
    browser.post(address, shown)
    assert list(Bulk.objects.get().rows.values_list("subject", flat=True)) == ["web-1"]


def test_deleting_many_asks_for_their_number(browser: Client, account: Account) -> None:
    ids = [factories.vm(account, f"old-{number}", state="halted").remote_id for number in range(3)]
    refused = confirm(browser, url(account, "delete", *ids), count="2")
    assert refused.status_code == 422  # type: ignore[attr-defined]
    assert "Type 3 to delete them" in refused.content.decode()  # type: ignore[attr-defined]
    assert not Bulk.objects.exists()
    confirm(browser, url(account, "delete", *ids), count="3")
    assert Bulk.objects.get().kind == "vm_delete"


def test_renewing_many_products_asks_for_how_long(browser: Client, account: Account) -> None:
    ids = [factories.product(account).remote_id for _ in range(2)]
    confirm(browser, url(account, "renew", *ids, section="shares"), duration="3m")
    bulk = Bulk.objects.get()
    assert (bulk.kind, bulk.params, bulk.rows.count()) == ("hosting_account_product_renew", {"duration": "3m"}, 2)


def test_nothing_chosen_or_nothing_that_fits_is_said_on_the_list(
    browser: Client, account: Account, servers: list[Vm]
) -> None:
    for address in (url(account, "stop"), url(account, "start", servers[1].remote_id)):
        response = browser.get(address, follow=True)
        assert response.redirect_chain[-1][0] == reverse("servers", args=[account.pk])
        assert "Nothing selected" in response.content.decode() or "Nothing to do" in response.content.decode()
    assert not Bulk.objects.exists()


def test_the_page_of_a_change_tells_how_each_went(browser: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner, objects=3)
    first, second = bulk.rows.all()[:2]
    BulkRow.objects.filter(pk=first.pk).update(state="failed", problem="wrong_state")
    BulkRow.objects.filter(pk=second.pk).update(state="done")
    html = browser.get(reverse("bulk", args=[account.pk, bulk.pk])).content.decode()
    assert "1 of 3 done" in html
    assert "1 failed" in html
    assert "Its state didn't allow this, or it no longer existed." in html
    assert "Retry 1 failed" in html
    only = browser.get(reverse("bulk", args=[account.pk, bulk.pk]) + "?state=failed").content.decode()
    assert only.count("cell-name") == 1


def test_it_can_be_paused_resumed_and_asked_for_again(browser: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner)
    for action, state in (("pause", "paused"), ("resume", "running")):
        browser.post(reverse(f"bulk_{action}", args=[account.pk, bulk.pk]))
        bulk.refresh_from_db()
        assert bulk.state == state
    bulk.rows.update(state="failed")
    browser.post(reverse("bulk_retry", args=[account.pk, bulk.pk]))
    assert set(bulk.rows.values_list("state", "attempt")) == {("waiting", 2)}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_lists_offer_to_change_many_only_to_who_may(account: Account, client: Client, role: Role) -> None:
    factories.vm(account, "web-1")
    client.force_login(factories.member(role, of=account.team).user)
    html = client.get(reverse("servers", args=[account.pk])).content.decode()
    assert 'id="bulk"' not in html
    assert "data-choose" not in html


def test_a_bulk_waits_in_the_list_of_operations(browser: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner)
    html = browser.get(reverse("operations", args=[account.pk])).content.decode()
    assert reverse("bulk", args=[account.pk, bulk.pk]) in html


def test_more_ids_than_a_page_ever_gives_are_turned_away(browser: Client, account: Account) -> None:
    factories.vm(account, state="halted")
    many = {"ids": ",".join(map(str, range(1, 340_000))), "duration": "1m"}
    for name, query in (("servers_bulk", "?action=start"), ("servers_tags", ""), ("shares_estimate", "?for=bulk")):
        assert browser.post(reverse(name, args=[account.pk]) + query, many).status_code == 400, name
    assert not Bulk.objects.exists()
