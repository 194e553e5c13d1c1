"""Steps of a person in the panel, the same on a desktop and on a phone."""

import contextlib
import re
from typing import Any

from playwright.sync_api import Error, Locator, Page, ViewportSize, expect

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 360, "height": 740}
# A change travels to the provider, is carried out there, is seen, and is shown.
DONE_MS = 60_000


def field(page: Page, label: str) -> Locator:
    """The input with this label; a required one has a star behind it."""
    labelled = page.get_by_label(re.compile(rf"^\s*{re.escape(label)}\s*\*?\s*$"))
    return labelled.and_(page.locator("input, select, textarea"))


def go(page: Page, section: str) -> None:
    """Open a section by the main menu; on a phone, open the menu first."""
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name=re.compile(rf"^{section}\b"))
    if not link.is_visible():
        page.locator(".nav-button").click()
    address = link.get_attribute("href") or ""
    link.click()
    expect(page).to_have_url(re.compile(re.escape(address) + "$"))


def offered(within: Page | Locator, label: str) -> Locator:
    """The button or link that starts a change; wait until it is enabled, so that no operation is in progress."""
    name = re.compile(rf"^{re.escape(label)}\b")
    found = within.get_by_role("button", name=name).or_(within.get_by_role("link", name=name)).first
    expect(found).to_be_enabled(timeout=DONE_MS)
    return found


def press(page: Page, label: str, within: Locator | None = None) -> None:
    """Press what begins a change, as soon as that is offered. A link leads to its page, also when the live part that
    holds it is drawn anew in the very moment of the click.
    """
    found = offered(within or page.locator("main"), label)
    leads, here = found.get_attribute("href"), page.url
    found.click()
    if leads:
        with contextlib.suppress(Error):
            page.wait_for_url(lambda url: url != here, wait_until="commit", timeout=5_000)
        if page.url == here:
            found.click()


def opened(page: Page, summary: str, inside: Locator) -> Locator:
    """Open the first part with this summary, also when the live part that holds it is drawn anew in the very moment of
    the click; what is inside.
    """
    for _ in range(5):
        page.locator("summary", has_text=summary).first.click()
        with contextlib.suppress(Error):
            inside.wait_for(state="visible", timeout=2_000)
            break
    return inside


def confirm(page: Page, label: str) -> None:
    """Press a button and confirm its dialog."""
    press(page, label)
    page.get_by_role("dialog").get_by_role("button", name=label, exact=True).click()
    on_its_way(page)


def send(page: Page, label: str) -> None:
    """Press the submit button of the form."""
    page.locator("main form[method=post]").get_by_role("button", name=label).click()
    on_its_way(page)


def on_its_way(page: Page) -> None:
    expect(page.get_by_role("status").filter(has_text="was submitted").first).to_be_visible()


def row(page: Page, address: str) -> Locator:
    """The row of a list, or the card on a phone, whose links lead to `address`."""
    return page.locator("main tbody tr").filter(has=page.locator(f'a[href*="{address}"]'))


def server_named(remote: Any, hostname: str) -> dict[str, Any]:
    """The provider's data of the server with this host name."""
    return next(info for vm_id in remote.vm_list() if (info := remote.vm_info(vm_id))["hostname"] == hostname)
