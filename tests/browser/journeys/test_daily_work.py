"""A day's work of a team: sizes, what fits, what ends, tags, another password, what went wrong, other accounts.

The team and its logins are of its own: nobody else's servers are touched.
"""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import DESKTOP, DONE_MS, PHONE, field, go, press, row, send, server_named
from tests.stack import Stack

Browse = Callable[..., Page]
Hold = Callable[[str], None]

PASSWORD = "d41ly-work"
LOGIN, CUSTOMER, ROTATED = "DW1000-GANDI", "DW1001-GANDI", "DW2000-GANDI"
NEW_PASSWORD = "n3xt-password"
# A server may have so many shares while it runs: 2,048 MB of memory (hosting/provider/rules/values.py).
MOST_WHILE_RUNNING = 8
SERVERS = 6

# Servers, shares that are free, and two products of the customer that end on the same day.
AT_THE_PROVIDER = f"""
from datetime import timedelta
from django.utils import timezone
from hosting.provider.models import HostingAccount, Product
from hosting.provider.seed import add_handle, seed_fleet

reseller = add_handle({LOGIN!r}, "Daily work", "1000.00", {PASSWORD!r})
customer = add_handle({CUSTOMER!r}, "Bakery", "1000.00", reseller=reseller)
add_handle({ROTATED!r}, "Rotated", "10.00", {PASSWORD!r})
seed_fleet({LOGIN!r}, {SERVERS}, 0)
Product.objects.filter(account__handle=reseller).update(quantity=80)
seed_fleet({CUSTOMER!r}, 1, 0)
now = timezone.now()
for quantity in (2, 3):
    Product.objects.create(
        account=customer.hosting_account,
        product_name="shares",
        quantity=quantity,
        duration="1m",
        unit_price=12,
        state=Product.State.ACTIVE,
        date_created=now - timedelta(days=10),
        date_end=now + timedelta(days=20),
        anchor_day=1,
    )
"""
IN_THE_PANEL = f"""
import json
from hosting.accounts.connect import connect
from hosting.accounts.models import Endpoint
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role

user = User.objects.create_user("daily@work.example", name="Daily")
owner = Membership.objects.create(team=Team.objects.create(name="Daily team"), user=user, role=Role.OWNER)
made = [
    connect(
        by=owner,
        endpoint=Endpoint.objects.get(offered=True),
        label=label,
        login={LOGIN!r},
        handle=handle,
        password={PASSWORD!r},
    ).pk
    for label, handle in (("Work", {LOGIN!r}), ("Bakery", {CUSTOMER!r}))
]
print(json.dumps([user.email, *made]))
"""
SET_PASSWORD = f"""
from django.contrib.auth.hashers import make_password
from hosting.provider.models import Handle

Handle.objects.filter(handle={ROTATED!r}).update(password=make_password({NEW_PASSWORD!r}))
"""


@dataclass(frozen=True)
class Team:
    """A person's address, the accounts of the reseller and of its customer, and the reseller's servers by name."""

    email: str
    account: int
    bakery: int
    servers: dict[str, int]

    def page(self, section: str) -> str:
        return f"/accounts/{self.account}/{section}/"

    def page_of(self, hostname: str) -> str:
        return self.page(f"servers/{self.servers[hostname]}")


@pytest.fixture(scope="module")
def team(stack: Stack) -> Team:
    stack.run(AT_THE_PROVIDER, provider=True)
    email, account, bakery = json.loads(stack.run(IN_THE_PANEL))
    remote = stack.api(LOGIN, PASSWORD)
    return Team(email, account, bakery, {remote.vm_info(number)["hostname"]: number for number in remote.vm_list()})


@pytest.fixture
def visit(browse: Browse, team: Team) -> Browse:
    """Open a page as the member of the team, after the first import."""

    def open_page(path: str = "", **options: object) -> Page:
        page = browse(team.page("servers"), person=team.email, **options)
        if options.get("java_script_enabled", True):
            expect(page.locator("main tbody tr").nth(SERVERS - 1)).to_be_visible(timeout=DONE_MS)
            expect(page.locator("#data-age")).to_contain_text("As of", timeout=DONE_MS)
        if path:
            page.goto(path)
        return page

    return open_page


def names(team: Team, first: int, count: int) -> list[str]:
    return sorted(team.servers, key=lambda name: team.servers[name])[first : first + count]


def resizing(page: Page, team: Team, remote: Any, name: str) -> Iterator[None]:
    """Resize by a plan that stops the server, until it runs in its new size."""
    page.goto(team.page_of(name))
    press(page, "Resize")
    field(page, "Shares").fill(str(MOST_WHILE_RUNNING + 1))
    field(page, "CPUs").fill("2")
    page.locator("main form[method=post]").get_by_role("button", name="Resize").click()
    expect(page.locator(".form-note")).to_contain_text("This resize requires a stopped server")
    expect(field(page, "Shares")).to_have_value(str(MOST_WHILE_RUNNING + 1))
    page.locator("main form[method=post]").get_by_role("button", name="Review plan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Resize {name}")
    expect(page.locator("ol > li.step")).to_have_count(3)
    expect(page.locator("main .facts")).to_contain_text(re.compile(rf"1 →\s+{MOST_WHILE_RUNNING + 1}"))
    assert server_named(remote, name)["shares"] == 1
    press(page, "Start")
    yield
    expect(page.locator(".state-card .state")).to_have_text("Done", timeout=DONE_MS)
    expect(page.locator("ol > li.step-done")).to_have_count(3)
    server = server_named(remote, name)
    assert (server["state"], server["shares"], server["cores"]) == ("running", MOST_WHILE_RUNNING + 1, 2)
    page.get_by_role("link", name="Open the server").click()
    expect(page.locator(".state-card .state")).to_have_text("Running")


def fill_short_form(page: Page, hostname: str) -> None:
    """Fill in the fields that the planner's link does not prefill."""
    expect(field(page, "Shares")).to_have_value("2")
    expect(field(page, "CPUs")).to_have_value("2")
    expect(field(page, "Operating system").locator("option:checked")).to_contain_text("Debian 12")
    field(page, "Host name").fill(hostname)
    field(page, "Root password").fill("r00t-of-the-box")
    send(page, "Create server")


def from_what_fits(page: Page, remote: Any, hostname: str) -> Iterator[None]:
    """Create a server from the planner and wait until it runs."""
    go(page, "Servers")
    page.get_by_role("link", name="Capacity planner").click()
    field(page, "Operating system").select_option(label="Debian 12")
    field(page, "Shares").fill("2")
    field(page, "CPUs").fill("2")
    expect(page.locator("#live")).to_contain_text("Each server uses 2 shares")
    create = page.get_by_role("link", name="Create this server")
    expect(create).to_have_attribute("href", re.compile(r"shares=2&cpu=2&os_id=102"))
    create.click()
    fill_short_form(page, hostname)
    yield
    page.get_by_role("link", name=hostname, exact=True).click(timeout=DONE_MS)
    expect(page.locator(".state-card .state")).to_have_text("Running", timeout=DONE_MS)
    server = server_named(remote, hostname)
    assert (server["state"], server["shares"], server["cores"]) == ("running", 2, 2)


def but_refusals(complaints: list[str]) -> list[str]:
    """The complaints without the browser's own message for a form with errors."""
    return [line for line in complaints if "status of 422" not in line]


def take_turns(*walks: Iterator[None]) -> None:
    """Run the generators in turns, so that one continues while another waits for the provider."""
    for _ in zip_longest(*walks):
        pass


@pytest.mark.drives("vm_stop", "vm_update", "vm_start", "vm_create")
def test_server_is_resized_by_a_plan_and_another_created_from_the_planner(
    visit: Browse, stack: Stack, team: Team, complaints: list[str]
) -> None:
    remote = stack.api(LOGIN, PASSWORD)
    first, second = names(team, 0, 2)
    desk, pocket = visit(viewport=DESKTOP), visit(viewport=PHONE, has_touch=True)
    take_turns(resizing(desk, team, remote, first), resizing(pocket, team, remote, second))
    take_turns(from_what_fits(desk, remote, "fits-desk"), from_what_fits(pocket, remote, "fits-pocket"))
    assert but_refusals(complaints) == []


def ends(remote: Any) -> dict[int, datetime]:
    """The provider's end dates of the products that end first."""
    return {
        one["id"]: one["date_end"]
        for one in remote.hosting_account_info()["products"]
        if one["quantity"] in {2, 3} and one["product_name"] == "shares"
    }


def renew_all_of_the_month(page: Page, team: Team, quote: str | re.Pattern[str]) -> None:
    """Renew all products of the calendar's first month for one month, with an estimate beforehand."""
    page.goto(f"/accounts/{team.bakery}/shares/")
    page.get_by_role("link", name="Expiry calendar").click()
    expect(page.locator(".calendar-day").first).to_contain_text("2 shares")
    press(page, "Renew all")
    expect(page.get_by_role("heading", level=1)).to_have_text("Renew 2 products")
    field(page, "Duration").select_option("1m")
    expect(page.locator("#quote")).to_contain_text(quote)
    page.locator("main form[method=post]").get_by_role("button", name="Renew").click()
    expect(page.locator(".bulk-state")).to_contain_text("2 of 2 done", timeout=DONE_MS)


# A cost is told by the balance, which is read every half minute.
@pytest.mark.timeout(240)
@pytest.mark.drives("hosting_account_product_add", "hosting_account_product_renew")
def test_all_products_ending_in_a_month_are_renewed_with_an_estimate(
    visit: Browse, stack: Stack, team: Team, complaints: list[str]
) -> None:
    remote = stack.api(LOGIN, PASSWORD)
    remote.su(CUSTOMER)
    begin = ends(remote)
    page = visit(f"/accounts/{team.bakery}/shares/calendar/", viewport=DESKTOP)
    press(page, "Renew all")
    # Nothing was bought through the panel yet: the price comes from the provider's list.
    expect(page.locator("#quote")).to_contain_text("price list")
    expect(page.locator("#quote")).to_contain_text("60.00")
    page.goto(f"/accounts/{team.bakery}/shares/add/")
    field(page, "Duration").select_option("1y")
    send(page, "Buy")
    page.get_by_role("status").get_by_role("link", name="View operation").click()
    expect(page.locator(".state-card .state")).to_have_text("Done", timeout=DONE_MS)
    expect(page.locator("main .facts").first).to_contain_text("144.00", timeout=DONE_MS)

    renew_all_of_the_month(page, team, re.compile(r"Estimated cost\s+60\.00"))
    once = ends(remote)
    assert all(once[number] > before for number, before in begin.items())
    pocket = visit(viewport=PHONE, has_touch=True)
    renew_all_of_the_month(pocket, team, re.compile(r"Estimated cost\s+60\.00"))
    assert all(again > once[number] for number, again in ends(remote).items())
    assert complaints == []


def put_tag_on(page: Page, team: Team, servers: list[str], tag: str) -> None:
    """Select rows and add a new tag to them."""
    page.goto(team.page("servers"))
    for name in servers:
        row(page, team.page_of(name)).get_by_role("checkbox").check()
    page.locator("#bulk").get_by_role("button", name="Tags").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Tags of {len(servers)} objects")
    field(page, "New tag").fill(tag)
    page.locator("main form[method=post]").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text=f"{len(servers)} tag changes saved").first).to_be_visible()


def expect_servers(page: Page, servers: list[str]) -> None:
    expect(page.locator("main tbody tr a.cell-name")).to_have_text(servers)


def tagging(page: Page, team: Team, servers: list[str], tag: str) -> None:
    """Add a tag, save the filtered list as a view, and add a note to one server."""
    put_tag_on(page, team, servers, tag)
    page.get_by_role("combobox", name="Tag").select_option(label=tag)
    expect_servers(page, servers)
    page.get_by_role("link", name="Save this view").click()
    field(page, "Name").fill(f"Of the {tag}")
    page.locator("main form[method=post]").get_by_role("button", name="Save").click()
    pill = page.get_by_role("navigation", name="Saved views").get_by_role("link", name=f"Of the {tag}")
    expect(pill).to_have_attribute("aria-current", "page")
    page.goto(team.page("servers"))
    expect(page.locator("main tbody tr").nth(SERVERS - 1)).to_be_visible()
    pill.click()
    expect_servers(page, servers)

    page.get_by_role("link", name=servers[0], exact=True).click()
    expect(page.locator(".tags-line")).to_contain_text(tag)
    press(page, "Write a note")
    field(page, "Note").fill(f"The {tag} needs it.\nAsk before a reboot.")
    page.locator("main form[method=post]").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(servers[0])
    expect(page.locator(".note-text")).to_have_text(f"The {tag} needs it.\nAsk before a reboot.")


def test_tags_saved_views_and_notes_can_be_added(visit: Browse, team: Team, complaints: list[str]) -> None:
    tagging(visit(viewport=DESKTOP), team, names(team, 0, 2), "shop")
    tagging(visit(viewport=PHONE, has_touch=True), team, names(team, 2, 2), "archive")
    assert complaints == []


def give_password(page: Page, password: str) -> None:
    page.get_by_role("link", name="Settings and password").click()
    field(page, "New password").fill(password)
    page.locator("main form[method=post]").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Testing the credentials").first).to_be_visible()


@pytest.mark.drives("login")
def test_new_password_is_tested_first_and_a_wrong_one_changes_nothing(
    visit: Browse, stack: Stack, hold: Hold, complaints: list[str]
) -> None:
    page = visit("/accounts/connect/", viewport=DESKTOP)
    for label, value in (("Label", "Rotated"), ("Login", ROTATED), ("Handle", ROTATED), ("Password", PASSWORD)):
        field(page, label).fill(value)
    page.locator("main form[method=post]").get_by_role("button", name="Connect").click()
    state = page.locator(".state-card .state").first
    expect(state).to_have_text("Connected", timeout=DONE_MS)
    login = page.url

    give_password(page, "not-the-passw0rd")
    expect(page.locator("main")).to_contain_text("The provider rejected the new password.", timeout=DONE_MS)
    expect(page.locator("main")).to_contain_text("Your previous credentials are still in use.")
    expect(state).to_have_text("Connected")
    page.get_by_role("link", name="Fix credentials").click()
    expect(field(page, "New password")).to_have_attribute("aria-invalid", "true")
    expect(field(page, "New password")).to_have_value("")
    expect(page.locator(".invalid-feedback").first).to_contain_text("The provider rejected the new password.")
    # A session of its own with the password that stayed.
    page.goto(login)
    press(page, "Reconnect")
    expect(page.get_by_role("status").filter(has_text="Reconnecting").first).to_be_visible()
    expect(page.locator("main")).to_contain_text("Session open", timeout=DONE_MS)

    stack.run(SET_PASSWORD, provider=True)
    pocket = visit(login, viewport=PHONE, has_touch=True)
    hold("worker")
    give_password(pocket, NEW_PASSWORD)
    expect(pocket.locator(".state-card")).to_contain_text("New credentials are being tested")
    os.kill(stack.pids()["worker"], signal.SIGCONT)
    expect(pocket.locator("main")).to_contain_text("The provider accepted these credentials", timeout=DONE_MS)
    expect(pocket.locator(".state-card .state").first).to_have_text("Connected")
    stack.api(ROTATED, NEW_PASSWORD)
    assert complaints == []


def open_menu(page: Page, menu: str) -> Locator:
    """Open a menu of the sidebar; on a phone, show the sidebar first."""
    summary = page.locator(f"{menu} summary")
    if not summary.is_visible():
        page.locator(".nav-button").click()
    summary.click()
    return page.locator(f"{menu} .menu-panel")


def look_at_trends(page: Page) -> None:
    """Check that every chart is drawn and opens as a table."""
    go(page, "Trends")
    charts = page.locator(".plot-card")
    expect(charts).to_have_count(5)
    expect(page.locator(".plot-card .plot-field")).to_have_count(5)
    for chart in charts.all():
        chart.locator("summary").click()
        expect(chart.locator("tbody tr").first).to_be_visible()
    failed = page.locator(".plot-card").nth(1).locator('td[data-label="Failed"]')
    expect(failed.first).to_have_text("1")


def set_limit(page: Page, limit: int) -> None:
    """Set the bulk concurrency of the team."""
    account = page.url
    go(page, "Team")
    page.get_by_role("navigation").get_by_role("link", name="Settings", exact=True).click()
    at_once = field(page, "Bulk actions: operations in parallel")
    at_once.fill(str(limit))
    page.locator("main form[method=post]").get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").filter(has_text="Settings saved.").first).to_be_visible()
    expect(at_once).to_have_value(str(limit))
    page.goto(account)


@pytest.mark.drives("vm_reboot")
def test_failed_bulk_action_is_dismissed_and_counted_and_concurrency_set(
    visit: Browse, stack: Stack, team: Team, complaints: list[str]
) -> None:
    page, pocket = visit(viewport=DESKTOP), visit(viewport=PHONE, has_touch=True)
    set_limit(pocket, 3)
    set_limit(page, 1)
    page.goto(team.page("servers"))
    chosen = names(team, 4, 2)
    for name in chosen:
        row(page, team.page_of(name)).get_by_role("checkbox").check()
    stack.faults("vm_reboot:fail@1")
    try:
        page.locator("#bulk").get_by_role("button", name="Reboot").click()
        page.locator("main form[method=post]").get_by_role("button", name="Reboot").click()
        expect(page.locator(".bulk-state")).to_contain_text("Finished", timeout=DONE_MS)
        expect(page.locator(".bulk-state")).to_contain_text("1 failed")
    finally:
        stack.faults("")
    look_at_trends(page)
    look_at_trends(pocket)
    go(pocket, "Needs attention")
    matter = pocket.locator("main .lines > li").filter(has_text="Reboot server (bulk action)")
    press(pocket, "Dismiss", matter)
    expect(pocket.locator("main")).to_contain_text("Bulk action “Reboot server” dismissed.")
    expect(matter).to_have_count(0)
    assert complaints == []


def test_account_switcher_stays_in_the_section(visit: Browse, team: Team, complaints: list[str]) -> None:
    there = re.compile(rf"/accounts/{team.bakery}/servers/$")
    page = visit(viewport=DESKTOP)
    page.keyboard.press("g")
    page.keyboard.press("a")
    items = page.locator(".switcher .menu-panel")
    expect(items.locator("[aria-current]")).to_be_focused()
    page.keyboard.press("ArrowUp")
    while "Bakery" not in page.evaluate("document.activeElement.textContent"):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(there)
    expect(page.locator("main tbody tr")).to_have_count(1, timeout=DONE_MS)

    pocket = visit(viewport=PHONE, has_touch=True)
    open_menu(pocket, ".switcher").get_by_role("link", name="Bakery").click()
    expect(pocket).to_have_url(there)
    assert complaints == []


@pytest.mark.drives("vm_update", "vm_create")
def test_tags_resize_plan_and_server_only_form_work_without_javascript(visit: Browse, stack: Stack, team: Team) -> None:
    remote = stack.api(LOGIN, PASSWORD)
    visit().context.close()
    page = visit(viewport=PHONE, java_script_enabled=False)
    put_tag_on(page, team, names(team, 0, 2), "plain")
    page.get_by_role("combobox", name="Tag").select_option(label="plain")
    page.get_by_role("button", name="Search", exact=True).first.click()
    expect_servers(page, names(team, 0, 2))

    (name,) = names(team, 2, 1)
    walk = resizing(page, team, remote, name)
    next(walk)
    until(page, lambda: page.locator(".state-card .state").inner_text() == "Done")
    for _ in walk:
        pass
    page.goto(f"{team.page('servers/new/alone')}?shares=2&cpu=2&os_id=102")
    fill_short_form(page, "short")
    until(page, lambda: page.get_by_role("link", name="short", exact=True).count() == 1)
    assert server_named(remote, "short")["shares"] == 2


def until(page: Page, done: Callable[[], bool]) -> None:
    """Reload the page until `done` returns true."""
    for _ in range(60):
        if done():
            return
        page.wait_for_timeout(500)
        page.reload()
    raise AssertionError(page.locator("main").inner_text())
