"""Cancelling and retrying operations, and external changes."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from hosting.management.commands.prepare import DEMO_API_PASSWORD, DEMO_LOGIN
from tests.browser.steps import DONE_MS, confirm, field, go, offered, press, row
from tests.stack import Stack

Browse = Callable[..., Page]
Hold = Callable[[str], None]
# Of the demonstration.
MAIL, CUSTOMER = "mail1", "BM2201-GANDI"


def open_server(page: Page, name: str) -> None:
    go(page, "Servers")
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def cancel(page: Page) -> None:
    """Open the running operation from its server's page and cancel it."""
    page.locator(".state-card").get_by_role("link", name="Stop server").click()
    press(page, "Cancel")


def test_waiting_operation_is_cancelled_and_never_sent(
    browse: Browse, stack: Stack, hold: Hold, complaints: list[str]
) -> None:
    page = browse()
    open_server(page, MAIL)
    before = stack.api().operation_list()
    hold("worker")
    confirm(page, "Stop")
    cancel(page)
    expect(page.get_by_role("status").filter(has_text="was cancelled")).to_be_visible()
    expect(page.locator(".state-card .state")).to_have_text("Cancelled")
    assert stack.api().operation_list() == before
    assert complaints == []


@pytest.mark.drives("operation_cancel")
def test_operation_queued_at_the_provider_is_cancelled_there(
    browse: Browse, stack: Stack, hold: Hold, complaints: list[str]
) -> None:
    page = browse()
    open_server(page, MAIL)
    hold("providerworker")
    confirm(page, "Stop")
    expect(page.locator(".state-card").get_by_role("link", name="Stop server")).to_be_visible()
    page.locator(".state-card").get_by_role("link", name="Stop server").click()
    expect(page.locator(".state-card .state")).to_have_text("Queued at the provider", timeout=DONE_MS)
    press(page, "Cancel")
    expect(page.locator(".state-card .state")).to_have_text("Cancelled", timeout=DONE_MS)
    remote = stack.api()
    assert remote.operation_details(remote.operation_list()[0])["state"] == "CANCEL"
    assert complaints == []


@pytest.mark.drives("vm_reboot", "operation_details")
def test_failed_operation_is_retried_from_its_page(browse: Browse, stack: Stack, complaints: list[str]) -> None:
    page = browse()
    open_server(page, MAIL)
    stack.faults("vm_reboot:fail@1")
    try:
        confirm(page, "Reboot")
        failed = page.locator("main").get_by_role("link", name=f"Reboot server {MAIL}").first
        offered(page, "Reboot")
        failed.click()
        expect(page.locator("main")).to_contain_text("couldn't finish it")
    finally:
        stack.faults("")
    press(page, "Retry")
    page.get_by_role("status").filter(has_text="was retried").get_by_role("link", name="View operation").click()
    expect(page.locator(".state-card .state")).to_have_text("Done", timeout=DONE_MS)
    assert complaints == []


@pytest.mark.drives("disk_info", "hosting_account_info", "account_balance")
def test_external_change_appears_after_sync_in_list_search_and_csv(
    browse: Browse, stack: Stack, complaints: list[str]
) -> None:
    page = browse()
    remote = stack.api()
    disk_id = remote.disk_create({"size": 1024, "name": "from-outside", "fstype": "ext3"})
    go(page, "Disks")
    page.get_by_role("button", name="Sync now").click()
    found = row(page, f"/disks/{disk_id}/")
    expect(found).to_be_visible(timeout=DONE_MS)
    page.get_by_role("searchbox", name="Search by name").fill("from-out")
    expect(page.locator("main tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=from-out"))
    page.get_by_role("combobox", name="State").select_option("attached")
    expect(page.get_by_text("No disks match")).to_be_visible()
    page.get_by_role("combobox", name="State").select_option("created")
    expect(found).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="This list as CSV").click()
    lines = started.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "from-outside" in lines[1]

    # Many at once, here one: the number is typed before anything is deleted.
    found.get_by_role("checkbox").check()
    page.locator("#bulk").get_by_role("button", name="Delete").click()
    field(page, "Type 1, the number of objects to delete, to confirm").fill("1")
    page.locator("main form").get_by_role("button", name="Delete").click()
    expect(page.locator(".bulk-state")).to_contain_text("1 of 1 done", timeout=DONE_MS)
    assert disk_id not in remote.disk_list()
    go(page, "Operations")
    outside = page.locator("main tbody tr").filter(has_text="Create disk from-outside")
    expect(outside).to_contain_text("External")
    assert complaints == []


@pytest.mark.drives("login", "su", "account_currency", "os_list", "vm_list", "disk_list", "operation_list", "vm_info")
def test_customer_handle_is_connected_with_the_reseller_credentials(
    browse: Browse, stack: Stack, complaints: list[str]
) -> None:
    page = browse("/accounts/connect/")
    field(page, "Label").fill("Bakery")
    field(page, "Login").fill(DEMO_LOGIN)
    field(page, "Handle").fill(CUSTOMER)
    field(page, "Password").fill(DEMO_API_PASSWORD)
    page.locator("main form[method=post]").get_by_role("button", name="Connect").click()
    expect(page.locator("main")).to_contain_text("The provider accepted these credentials", timeout=DONE_MS)
    go(page, "Dashboard")
    expect(page.locator("main")).to_contain_text("120.00", timeout=DONE_MS)
    go(page, "Servers")
    expect(page.get_by_role("link", name="boutique", exact=True)).to_be_visible(timeout=DONE_MS)
    assert complaints == []
