"""The five steps of the specification in a browser, against the running processes."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.steps import field
from tests.stack import Stack

Browse = Callable[..., Page]


def fill_new_server(page: Page, hostname: str, *, buy: int = 4) -> None:
    field(page, "Shares to buy").fill(str(buy))
    field(page, "Host name").fill(hostname)
    field(page, "Operating system").select_option(index=1)
    field(page, "Shares").fill("4")
    field(page, "CPUs").fill("2")
    field(page, "Admin login").fill("admin")
    field(page, "Root password").fill("r00t-of-the-box")
    field(page, "Label").fill(f"{hostname}-data")
    field(page, "Size, in GB").fill("4")
    field(page, "File system").select_option("xfs")


def the_provider_shows_it_running_with_two_disks(stack: Stack, hostname: str) -> None:
    remote = stack.api()
    found = [info for vm_id in remote.vm_list() if (info := remote.vm_info(vm_id))["hostname"] == hostname]
    assert [(info["state"], len(info["disks"])) for info in found] == [("running", 2)]
    assert found[0]["disks"][1]["name"] == f"{hostname}-data"


def test_plan_buys_shares_and_creates_a_server_with_its_data_disk(
    browse: Browse, stack: Stack, complaints: list[str]
) -> None:
    page = browse()
    page.get_by_role("link", name="New server").first.click()
    fill_new_server(page, "shop")
    expect(page.locator("#summary")).to_contain_text("4 shares")
    page.get_by_role("button", name="Review").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("shop")
    expect(page.locator("ol > li.step")).to_have_count(5)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("ol > li.step-done")).to_have_count(5, timeout=60_000)
    the_provider_shows_it_running_with_two_disks(stack, "shop")

    page.get_by_role("link", name="Operations", exact=True).click()
    listed = page.locator("main table tbody tr")
    for title in ("Add product", "Create server", "Create disk", "Attach disk"):
        row = listed.filter(has_text=title).first
        expect(row).to_contain_text("Done")
        expect(row).to_contain_text(re.compile(r"\d+"))
    remote_ids = {str(number) for number in stack.api().operation_list()[:4]}
    text = page.locator("main").inner_text()
    assert all(number in text for number in remote_ids), (remote_ids, text)
    assert "r00t-of-the-box" not in stack.log
    assert complaints == []


def test_plan_works_without_javascript_and_after_closing_the_browser(browse: Browse, stack: Stack) -> None:
    page = browse("/", java_script_enabled=False)
    page.get_by_role("link", name="New server").first.click()
    fill_new_server(page, "plain")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("ol > li.step")).to_have_count(5)
    plan = page.url
    page.context.close()

    page = browse(plan, java_script_enabled=False)
    for _ in range(60):
        if page.locator("ol > li.step-done").count() == 5:
            break
        page.wait_for_timeout(1000)
        page.reload()
    expect(page.locator("ol > li.step-done")).to_have_count(5)
    the_provider_shows_it_running_with_two_disks(stack, "plain")


def test_invalid_input_is_refused_at_the_field_and_kept(browse: Browse, stack: Stack) -> None:
    page = browse()
    before = stack.api().operation_list()
    page.get_by_role("link", name="New server").first.click()
    fill_new_server(page, "no_underscores", buy=0)
    field(page, "CPUs").fill("9")
    page.get_by_role("button", name="Review").click()
    expect(field(page, "Host name")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("A host name can contain letters, digits and hyphens").first).to_be_visible()
    expect(field(page, "Host name")).to_have_value("no_underscores")
    expect(field(page, "Label")).to_have_value("no_underscores-data")
    assert stack.api().operation_list() == before


def test_plan_stopped_by_a_provider_fault_can_be_retried(browse: Browse, stack: Stack) -> None:
    page = browse()
    stack.faults("disk_create:fail@1")
    page.get_by_role("link", name="New server").first.click()
    fill_new_server(page, "bumpy")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("li.step-stopped")).to_contain_text("couldn't finish it", timeout=60_000)
    stack.faults("")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator("ol > li.step-done")).to_have_count(5, timeout=60_000)
    the_provider_shows_it_running_with_two_disks(stack, "bumpy")


def test_pages_show_stored_data_while_the_provider_is_unreachable(browse: Browse, stack: Stack) -> None:
    page = browse()
    stack.faults("*:drop_before")
    try:
        page.get_by_role("button", name="Sync now").first.click()
        banner = page.get_by_text("has been unreachable since")
        expect(banner.first).to_be_visible(timeout=30_000)
        expect(page.get_by_text("As of").first).to_be_visible()
        page.get_by_role("link", name="Shares", exact=True).click()
        expect(page.get_by_role("button", name="Buy shares or disk")).to_be_disabled()
        # Somebody who has the form open already is told the same.
        page.goto(f"{page.url}add/")
        field(page, "Quantity").fill("1")
        page.locator("main form").get_by_role("button").first.click()
        expect(page.locator("main")).to_contain_text("Nothing was sent or queued")
    finally:
        stack.faults("")
    page.goto("/")
    expect(page.get_by_text("has been unreachable since")).to_have_count(0, timeout=60_000)
