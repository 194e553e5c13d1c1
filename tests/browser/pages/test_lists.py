"""Bulk actions, keyboard shortcuts and the search box, in a browser against the running processes."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.pages.axe import STICKS_OUT
from tests.browser.steps import DESKTOP, PHONE
from tests.stack import Stack

Browse = Callable[..., Page]
FINISHED = re.compile(r"Finished")


def servers(stack: Stack) -> dict[str, str]:
    """The provider's servers with their states."""
    remote = stack.api()
    return {info["hostname"]: info["state"] for vm_id in remote.vm_list() for info in [remote.vm_info(vm_id)]}


def choose_all(page: Page, action: str) -> None:
    page.goto(re.sub(r"/accounts/(\d+)/.*", r"/accounts/\1/servers/", page.url))
    page.get_by_role("checkbox", name="Choose").first.check()
    page.get_by_role("checkbox", name="All on all pages").check()
    page.locator("#bulk").get_by_role("button", name=action).click()
    page.locator("main form").get_by_role("button", name=action).click()
    expect(page.locator(".bulk-state")).to_be_visible()


def test_bulk_stop_retries_only_the_failed_server(browse: Browse, stack: Stack, complaints: list[str]) -> None:
    page = browse()
    running = {name for name, state in servers(stack).items() if state == "running"}
    assert len(running) >= 3
    stack.faults("vm_stop:fail@2")
    try:
        choose_all(page, "Stop")
        state = page.locator(".bulk-state")
        expect(state).to_contain_text(FINISHED, timeout=60_000)
        expect(state).to_contain_text("1 failed")
    finally:
        stack.faults("")
    assert [servers(stack)[name] for name in running].count("halted") == len(running) - 1
    page.get_by_role("button", name="Retry 1 failed").click()
    expect(state).to_contain_text(f"{len(running)} of {len(running)} done", timeout=60_000)
    assert {servers(stack)[name] for name in running} == {"halted"}

    choose_all(page, "Start")
    expect(page.locator(".bulk-state")).to_contain_text(FINISHED, timeout=60_000)
    assert {servers(stack)[name] for name in running} == {"running"}
    assert complaints == []


def test_long_name_of_an_unknown_state_stays_within_its_list(browse: Browse, stack: Stack) -> None:
    page = browse()
    page.goto(re.sub(r"/accounts/(\d+)/.*", r"/accounts/\1/servers/", page.url))
    row = "from hosting.inventory.models import Vm; Vm.objects.filter(hostname='web1').update(state={!r})"
    stack.run(row.format("migrating_" * 12))
    try:
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            page.reload()
            expect(page.locator("main")).to_contain_text("migrating_migrating_")
            assert page.evaluate(STICKS_OUT) == []
    finally:
        stack.run(row.format("running"))


def test_row_selection_works_on_a_phone_without_javascript(browse: Browse, stack: Stack) -> None:
    page = browse(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    page.goto(re.sub(r"/accounts/(\d+)/.*", r"/accounts/\1/servers/", page.url))
    page.get_by_role("checkbox", name="Choose").first.check()
    page.locator("#bulk").get_by_role("button", name="Reboot").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Reboot 1 server")


def test_keyboard_shortcuts_work_and_can_be_disabled(browse: Browse, complaints: list[str]) -> None:
    page = browse()
    # Keys pressed before a page's scripts are there go nowhere.
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url(re.compile(r"/servers/$"))
    page.keyboard.press("f")
    expect(page.locator("main input[type=search]")).to_be_focused()
    page.locator("h1").click()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search in all accounts")).to_be_focused()
    page.locator("h1").click()
    page.set_viewport_size(PHONE)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search in all accounts")).to_be_focused()
    page.set_viewport_size(DESKTOP)
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.get_by_role("checkbox", name="Enable shortcuts on this computer").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    expect(page).to_have_url(re.compile(r"/servers/$"))
    assert complaints == []


def test_search_box_finds_a_server(browse: Browse, complaints: list[str]) -> None:
    page = browse()
    box = page.get_by_role("searchbox", name="Search in all accounts")
    box.fill("web")
    box.press("Enter")
    page.locator("main").get_by_role("link", name=re.compile("^web")).first.click()
    expect(page).to_have_url(re.compile(r"/servers/\d+/$"))
    assert complaints == []
