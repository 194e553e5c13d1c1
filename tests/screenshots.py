"""Pictures of the main pages of a running demo, for the README: `make screenshots` writes `docs/screenshots/`."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

# As tests do: secrets of the run's own, before Django's settings are read.
from panel.environment import new_secrets

os.environ.update(new_secrets())
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")

import django

django.setup()

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from tests.browser.conftest import FLAGS, chromium_path, sign_in  # noqa: E402
from tests.browser.steps import DESKTOP, DONE_MS, PHONE, confirm, field, go, offered, row  # noqa: E402
from tests.processes import ROOT  # noqa: E402
from tests.stack import Stack, start_stack  # noqa: E402

DIRECTORY = ROOT / "docs" / "screenshots"
# Slow enough for a picture of something in progress.
SPEED = "0.1"
BILL, PASSWORD = "bill@sharedeck.example", "a-colleague-of-the-demo"
# Who else works in the demo's team, and what holds there.
COLLEAGUES = f"""
from datetime import timedelta
from django.utils import timezone
from hosting.teams.people.invitations import invite
from hosting.teams.models import Membership, User
from hosting.teams.policies.models import SpendingLimit
from hosting.teams.policies.changing import limit_sessions
from hosting.teams.people.membership_rules import Grant
owner = Membership.objects.select_related("team", "user").get(role="owner")
bill = User.objects.create_user("{BILL}", "{PASSWORD}", name="Bill Reed")
Membership.objects.create(team=owner.team, user=bill, role="billing")
ada = User.objects.create_user("ada@sharedeck.example", name="Ada Park")
until = timezone.now() + timedelta(days=30)
guest = Membership.objects.create(team=owner.team, user=ada, role="operator", narrowed=True, expires_at=until)
guest.accounts.add(owner.team.accounts.first())
invite("auditor@sharedeck.example", Grant("auditor"), by=owner)
limit_sessions(12, by=owner)
SpendingLimit.objects.create(team=owner.team, role="billing", shares=1)
"""


def main() -> None:
    directory = Path(tempfile.mkdtemp(prefix="sharedeck-screenshots-"))
    stack = start_stack(directory, PROVIDER_SPEED=SPEED)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
            desktop = _page(browser, stack, viewport=DESKTOP)
            _work(desktop, stack)
            stack.run(COLLEAGUES)
            _request_above_the_spending_limit(browser, stack)
            for name, open_it in PAGES.items():
                open_it(desktop)
                _take(desktop, name)
            dark = _page(browser, stack, viewport=DESKTOP, color_scheme="dark")
            _take(dark, "dashboard-dark")
            phone = _page(browser, stack, viewport=PHONE, device_scale_factor=2)
            go(phone, "Servers")
            _take(phone, "servers-phone")
            browser.close()
    finally:
        stack.stop()
        shutil.rmtree(directory, ignore_errors=True)


def _page(browser: Browser, stack: Stack, *, email: str = "", password: str = "", **options: object) -> Page:
    """A window of the demo's person, or of somebody else."""
    context = browser.new_context(base_url=stack.url, reduced_motion="reduce", **options)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/")
    sign_in(page, email or stack.email, password or stack.password)
    return page


def _request_above_the_spending_limit(browser: Browser, stack: Stack) -> None:
    """What a colleague then waits for."""
    bill = _page(browser, stack, email=BILL, password=PASSWORD, viewport=DESKTOP)
    go(bill, "Shares")
    bill.locator("main").get_by_role("link", name="Buy shares or disk").click()
    field(bill, "Quantity").fill("2")
    bill.get_by_role("button", name="Buy").click()
    bill.get_by_role("link", name="View operation").wait_for()
    bill.context.close()


def _work(page: Page, stack: Stack) -> None:
    """A new server, a request that failed, and many at once: what the pages then tell of."""
    offered(page, "New server").click()
    field(page, "Shares to buy").fill("4")
    field(page, "Host name").fill("shop")
    field(page, "Operating system").select_option(label="Debian 12 (x86-64)")
    field(page, "Root password").fill("correct-horse-1")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start").click()
    page.locator("ol > li.step-done").nth(4).wait_for(timeout=DONE_MS)
    stack.faults("vm_reboot:fail")
    go(page, "Servers")
    page.get_by_role("link", name="mail1", exact=True).click()
    confirm(page, "Reboot")
    page.locator("main").get_by_text("Failed", exact=True).first.wait_for(timeout=DONE_MS)
    stack.faults("")


def _bulk(page: Page) -> None:
    """Reboot all servers, and look while that goes on."""
    go(page, "Servers")
    page.get_by_role("checkbox", name="Choose").first.check()
    page.get_by_role("checkbox", name="All on all pages").check()
    page.locator("#bulk").get_by_role("button", name="Reboot").click()
    page.locator("main form").get_by_role("button", name="Reboot").click()
    page.locator("main tbody progress").first.wait_for(timeout=DONE_MS)


def _operation(page: Page) -> None:
    go(page, "Operations")
    row(page, "/operations/").filter(has_text="Reboot server mail1").get_by_role("link").first.click()


def _plan(page: Page) -> None:
    go(page, "Operations")
    row(page, "/operations/").filter(has_text="Create server shop").get_by_role("link").first.click()
    page.get_by_role("link", name="Open its plan").click()


def _server(page: Page) -> None:
    go(page, "Servers")
    page.get_by_role("link", name="web1", exact=True).click()
    page.locator("main").get_by_text("/dev/").first.wait_for(timeout=DONE_MS)


def _new_server(page: Page) -> None:
    go(page, "Servers")
    page.locator("main").get_by_role("link", name="New server").first.click()


def _team(tab: str) -> Callable[[Page], None]:
    def open_it(page: Page) -> None:
        # A team's pages have no menu of an account.
        page.goto("/")
        go(page, "Team")
        if tab != "People":
            page.locator(".tabs").get_by_role("link", name=tab).click()

    return open_it


def _section(name: str) -> Callable[[Page], None]:
    return lambda page: go(page, name)


# The last ones change what the others show.
PAGES: dict[str, Callable[[Page], None]] = {
    "dashboard": _section("Dashboard"),
    "attention": _section("Needs attention"),
    "shares": _section("Shares"),
    "servers": _section("Servers"),
    "server": _server,
    "new-server": _new_server,
    "plan": _plan,
    "disks": _section("Disks"),
    "operations": _section("Operations"),
    "operation": _operation,
    "bulk": _bulk,
    "people": _team("People"),
    "policies": _team("Policies"),
    "approvals": _team("Approvals"),
    "audit": _team("Audit"),
}


def _take(page: Page, name: str) -> None:
    page.locator("h1").wait_for()
    page.evaluate("document.fonts.ready")
    page.screenshot(path=DIRECTORY / f"{name}.png")
    print(f"docs/screenshots/{name}.png")


if __name__ == "__main__":
    main()
