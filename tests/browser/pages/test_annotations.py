"""Toasts and copying, in a browser against the running processes."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

Browse = Callable[..., Page]


def to_server(page: Page, state: str) -> str:
    """Open the page of the first server in this state; return its name."""
    page.goto(re.sub(r"/accounts/(\d+)/.*", rf"/accounts/\1/servers/?state={state}", page.url))
    link = page.locator("a.cell-name").first
    name = link.inner_text()
    link.click()
    return name


def test_toast_on_another_page_appears_once_and_keeps_the_focus(browse: Browse, complaints: list[str]) -> None:
    page = browse()
    name = to_server(page, "running")
    page.get_by_role("button", name="Reboot").click()
    page.get_by_role("dialog").get_by_role("button", name="Reboot").click()
    expect(page.locator("#messages")).to_contain_text("was submitted")
    page.goto(re.sub(r"/servers/.*", "/shares/", page.url))
    search = page.get_by_role("searchbox", name="Search in all accounts")
    search.focus()
    toast = page.locator("#toasts .toast-line")
    expect(toast).to_contain_text(f"“Reboot server {name}” finished.", timeout=60_000)
    expect(search).to_be_focused()
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)
    page.reload()
    expect(page.locator("#toasts")).to_be_attached()
    expect(toast).to_have_count(0)
    assert complaints == []


def test_host_name_is_copied_with_a_click(browse: Browse, complaints: list[str]) -> None:
    page = browse(permissions=["clipboard-read", "clipboard-write"])
    name = to_server(page, "running")
    page.get_by_role("button", name="Copy the host name").click()
    expect(page.locator("#copied")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == name
    assert complaints == []
