"""Bulk actions: selecting objects in a list and changing all of them."""

from html import escape

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
    """Submit the form of the page at `address` as it was shown, with `fields` filled in."""
    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    return browser.post(address, {**shown, **fields})


def test_confirmation_lists_selected_objects_and_skips_unsuitable_ones(
    browser: Client, account: Account, servers: list[Vm]
) -> None:
    html = browser.get(url(account, "stop", *(vm.remote_id for vm in servers[:3]))).content.decode()
    assert "<li><bdi>web-1</bdi></li>" in html
    assert "<li><bdi>web-2</bdi></li>" in html
    assert "<li><bdi>web-0</bdi></li>" not in html
    assert "1 is left out (not running)." in html


def test_confirming_starts_the_bulk_action_and_redirects_to_its_page(
    browser: Client, account: Account, servers: list[Vm]
) -> None:
    response = confirm(browser, url(account, "stop", *(vm.remote_id for vm in servers)))
    bulk = Bulk.objects.get(account=account)
    assert response.url == reverse("bulk", args=[account.pk, bulk.pk])  # type: ignore[attr-defined]
    assert set(bulk.rows.values_list("subject", flat=True)) == {"web-1", "web-2", "web-3"}


def test_submitting_the_form_twice_starts_one_bulk_action(browser: Client, account: Account, servers: list[Vm]) -> None:
    address = url(account, "stop", servers[1].remote_id)
    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    assert browser.post(address, shown).url == browser.post(address, shown).url  # type: ignore[attr-defined]
    assert Bulk.objects.count() == 1


def test_select_all_covers_every_page_of_the_search(browser: Client, account: Account) -> None:
    for number in range(120):
        factories.vm(account, f"{'web' if number % 2 else 'db'}-{number}")
    confirm(browser, url(account, "stop", all="1", q="web"))
    assert Bulk.objects.get().rows.count() == 60


def test_bulk_action_covers_only_the_objects_that_were_shown(browser: Client, account: Account) -> None:
    factories.vm(account, "web-1")
    address = url(account, "stop", all="1")
    form = browser.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    factories.vm(account, "web-2")
    browser.post(address, shown)
    assert list(Bulk.objects.get().rows.values_list("subject", flat=True)) == ["web-1"]


def test_bulk_delete_asks_for_the_number_of_objects(browser: Client, account: Account) -> None:
    ids = [factories.vm(account, f"old-{number}", state="halted").remote_id for number in range(3)]
    refused = confirm(browser, url(account, "delete", *ids), count="2")
    assert refused.status_code == 422  # type: ignore[attr-defined]
    assert "Type 3 to delete what is listed" in refused.content.decode()  # type: ignore[attr-defined]
    assert not Bulk.objects.exists()
    confirm(browser, url(account, "delete", *ids), count="3")
    assert Bulk.objects.get().kind == "vm_delete"


def test_bulk_renewal_asks_for_the_duration(browser: Client, account: Account) -> None:
    ids = [factories.product(account).remote_id for _ in range(2)]
    confirm(browser, url(account, "renew", *ids, section="shares"), duration="3m")
    bulk = Bulk.objects.get()
    assert (bulk.kind, bulk.params, bulk.rows.count()) == ("hosting_account_product_renew", {"duration": "3m"}, 2)


def test_empty_selection_returns_to_the_list_with_a_message(
    browser: Client, account: Account, servers: list[Vm]
) -> None:
    for address in (url(account, "stop"), url(account, "start", servers[1].remote_id)):
        response = browser.get(address, follow=True)
        assert response.redirect_chain[-1][0] == reverse("servers", args=[account.pk])
        assert "Nothing selected" in response.content.decode() or "Nothing to do" in response.content.decode()
    assert not Bulk.objects.exists()


def test_bulk_page_shows_the_outcome_of_each_row(browser: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner, objects=3)
    first, second = bulk.rows.all()[:2]
    BulkRow.objects.filter(pk=first.pk).update(state="failed", problem="wrong_state")
    BulkRow.objects.filter(pk=second.pk).update(state="done")
    html = browser.get(reverse("bulk", args=[account.pk, bulk.pk])).content.decode()
    assert "1 of 3 done" in html
    assert "1 failed" in html
    assert escape("Its state didn't allow this, or it no longer existed.") in html
    assert "Retry 1 failed" in html
    only = browser.get(reverse("bulk", args=[account.pk, bulk.pk]) + "?state=failed").content.decode()
    assert only.count("cell-name") == 1


def test_bulk_action_can_be_paused_resumed_and_retried(browser: Client, account: Account, owner: Membership) -> None:
    bulk = factories.bulk(account, by=owner)
    for action, state in (("pause", "paused"), ("resume", "running")):
        browser.post(reverse(f"bulk_{action}", args=[account.pk, bulk.pk]))
        bulk.refresh_from_db()
        assert bulk.state == state
    bulk.rows.update(state="failed")
    browser.post(reverse("bulk_retry", args=[account.pk, bulk.pk]))
    assert set(bulk.rows.values_list("state", "attempt")) == {("waiting", 2)}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING])
def test_lists_offer_bulk_actions_only_with_permission(account: Account, client: Client, role: Role) -> None:
    factories.vm(account, "web-1")
    client.force_login(factories.member(role, of=account.team).user)
    html = client.get(reverse("servers", args=[account.pk])).content.decode()
    assert 'id="bulk"' not in html
    assert "data-choose" not in html


def test_bulk_action_is_linked_from_the_list_of_operations(
    browser: Client, account: Account, owner: Membership
) -> None:
    bulk = factories.bulk(account, by=owner)
    html = browser.get(reverse("operations", args=[account.pk])).content.decode()
    assert reverse("bulk", args=[account.pk, bulk.pk]) in html


def test_too_many_ids_are_refused(browser: Client, account: Account) -> None:
    factories.vm(account, state="halted")
    many = {"ids": ",".join(map(str, range(1, 340_000))), "duration": "1m"}
    for name, query in (("servers_bulk", "?action=start"), ("servers_tags", ""), ("shares_estimate", "?for=bulk")):
        assert browser.post(reverse(name, args=[account.pk]) + query, many).status_code == 400, name
    assert not Bulk.objects.exists()
