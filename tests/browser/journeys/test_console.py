"""The console of a server in the browser, and at its other end the shell of a simulated guest."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import DESKTOP, DONE_MS, PHONE, press
from tests.stack import Stack

Browse = Callable[..., Page]

LOGIN, PASSWORD = "CO1000-GANDI", "c0nsole-work"
SERVERS = 3
AT_THE_PROVIDER = f"""
from hosting.provider.seed import add_handle, seed_fleet

add_handle({LOGIN!r}, "Consoles", "1000.00", {PASSWORD!r})
seed_fleet({LOGIN!r}, {SERVERS}, 0)
"""
IN_THE_PANEL = f"""
import json
from hosting.accounts.connect import connect
from hosting.accounts.models import Endpoint
from hosting.teams.models import Membership, Team, User

team = Team.objects.create(name="Console team")
people = [
    Membership.objects.create(team=team, user=User.objects.create_user(f"{{role}}@console.example"), role=role)
    for role in ("owner", "operator", "billing")
]
account = connect(
    by=people[0],
    endpoint=Endpoint.objects.get(offered=True),
    label="Consoles",
    login={LOGIN!r},
    handle={LOGIN!r},
    password={PASSWORD!r},
)
print(json.dumps([account.pk, *(person.user.email for person in people)]))
"""


@dataclass(frozen=True)
class Team:
    account: int
    owner: str
    operator: str
    billing: str
    servers: list[int]

    def console(self, number: int) -> str:
        return f"/accounts/{self.account}/servers/{self.servers[number]}/console/"


@pytest.fixture(scope="module")
def team(stack: Stack) -> Team:
    stack.run(AT_THE_PROVIDER, provider=True)
    account, owner, operator, billing = json.loads(stack.run(IN_THE_PANEL))
    found = Team(account, owner, operator, billing, sorted(stack.api(LOGIN, PASSWORD).vm_list()))
    imported = (
        "from hosting.inventory.models import Vm;"
        f"print(Vm.objects.filter(account={found.account}, account__mirrored_at__isnull=False).count())"
    )
    deadline = time.monotonic() + 60
    while stack.run(imported).strip() != str(SERVERS):
        assert time.monotonic() < deadline, "the account was not imported"
        time.sleep(0.2)
    return found


def state(page: Page) -> Locator:
    return page.locator("#console-state")


def terminal(page: Page) -> Locator:
    return page.locator(".xterm-rows")


def at_console(page: Page) -> Page:
    expect(state(page)).to_have_text("Connected.")
    return page


def enter(page: Page, text: str) -> None:
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def log_in(page: Page) -> None:
    expect(terminal(page)).to_contain_text("login:")
    enter(page, "root")
    expect(terminal(page)).to_contain_text("Password:")
    enter(page, "any-pass-1")
    expect(terminal(page)).to_contain_text("~#")


def test_people_at_one_console_see_what_each_other_types_until_the_server_is_off(
    browse: Browse, team: Team, complaints: list[str]
) -> None:
    page = browse(team.console(0).removesuffix("console/"), person=team.owner)
    page.get_by_role("navigation", name="Server").get_by_role("link", name="Console").click()
    log_in(at_console(page))
    other = at_console(browse(team.console(0), person=team.operator))
    expect(terminal(other)).to_contain_text("~#")
    enter(page, "echo said here")
    expect(terminal(other)).to_contain_text("said here")
    enter(other, "hostname")
    expect(terminal(page)).to_contain_text("hostname")
    enter(page, "poweroff")
    for each in (page, other):
        expect(state(each)).to_contain_text("The server is stopped")
        expect(each.locator("#live")).to_contain_text("Stopped", timeout=DONE_MS)
    press(page, "Start")
    expect(state(page)).to_have_text("Connected.", timeout=DONE_MS)
    expect(terminal(page)).to_contain_text("login:")
    assert complaints == []


def entries(stack: Stack, team: Team, number: int) -> list[dict[str, object]]:
    """What the audit log says about the console of a server, in order."""
    code = (
        "import json; from hosting.teams.audit.models import AuditEntry;"
        f"rows = AuditEntry.objects.filter(thing='vm:{team.servers[number]}', action__startswith='console.');"
        "print(json.dumps([{'action': row.action, 'who': row.actor.email, **row.detail}"
        " for row in rows.order_by('sequence')]))"
    )
    found: list[dict[str, object]] = json.loads(stack.run(code))
    return found


def test_both_ends_of_a_visit_are_in_the_audit_log(
    browse: Browse, stack: Stack, team: Team, complaints: list[str]
) -> None:
    before = len(entries(stack, team, 1))
    page = at_console(browse(team.console(1), person=team.operator))
    assert [entry["action"] for entry in entries(stack, team, 1)[before:]] == ["console.opened"]
    page.get_by_role("button", name="Disconnect").click()
    expect(state(page)).to_have_text("Disconnected.")
    expect(page.get_by_role("button", name="Connect again")).to_be_focused()
    deadline = time.monotonic() + 10
    while len(found := entries(stack, team, 1)[before:]) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    opened, closed = found
    assert closed.pop("seconds") in range(20)
    assert opened == {"action": "console.opened", "who": team.operator}
    assert closed == {"action": "console.closed", "who": team.operator, "reason": "left"}
    page.get_by_role("button", name="Connect again").click()
    at_console(page)
    page = browse(team.console(1).removesuffix("console/"), person=team.owner)
    expect(page.locator("main")).to_contain_text("Opened the console")
    expect(page.locator("main")).to_contain_text("Closed the console")
    assert complaints == []


def test_terminal_can_be_left_by_the_keyboard_and_read_by_a_screen_reader(
    browse: Browse, team: Team, complaints: list[str]
) -> None:
    page = at_console(browse(team.console(1), person=team.owner, viewport=DESKTOP))
    field = page.get_by_role("textbox", name="Terminal of")
    expect(field).to_be_focused()
    page.keyboard.press("Tab")
    expect(field).to_be_focused()
    page.keyboard.press("Control+F6")
    expect(page.get_by_role("button", name="Disconnect")).to_be_focused()
    page.get_by_role("checkbox", name="Screen reader support").check()
    expect(page.locator(".xterm-accessibility")).to_contain_text("login:")
    assert complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_terminal_fits_a_phone(browse: Browse, team: Team, scheme: str) -> None:
    page = at_console(browse(team.console(1), person=team.owner, viewport=PHONE, color_scheme=scheme))
    expect(terminal(page)).to_contain_text("login:")
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    screen, box = page.locator(".xterm-screen").bounding_box(), page.locator("#terminal").bounding_box()
    assert screen
    assert box
    assert screen["x"] + screen["width"] <= box["x"] + box["width"] <= PHONE["width"]


def test_page_says_in_words_that_it_needs_javascript(browse: Browse, team: Team) -> None:
    page = browse(team.console(1), person=team.owner, java_script_enabled=False)
    expect(page.locator("main")).to_contain_text("The console needs JavaScript")
    expect(page.locator("main code")).to_contain_text("ssh root@")


def test_role_without_the_permission_finds_no_console(browse: Browse, team: Team) -> None:
    page = browse(team.console(1).removesuffix("console/"), person=team.billing)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="Console", exact=True)).to_have_count(0)
    response = page.goto(team.console(1))
    assert response is not None
    assert response.status == 403
    expect(page.locator("main")).to_contain_text("open the consoles of servers")


TAKEN_AWAY = {
    "the membership ends": "Membership.objects.filter(pk=member.pk).delete()",
    "the role changes": "Membership.objects.filter(pk=member.pk).update(role='viewer')",
    "the role is narrowed": "Membership.objects.filter(pk=member.pk).update(narrowed=True)",
    "the session ends": "own_sessions_end(member)",
    "the password changes": "member.user.set_password('an0ther-one'); member.user.save()",
    "the person is switched off": "User.objects.filter(pk=member.user_id).update(is_active=False)",
    "the server goes away": "Vm.objects.filter(account__team=member.team, remote_id=SERVER).delete()",
}


@pytest.mark.parametrize("what", TAKEN_AWAY)
def test_open_console_is_closed_within_five_seconds_when(what: str, browse: Browse, stack: Stack, team: Team) -> None:
    email = f"{what.replace(' ', '-')}@console.example"
    stack.run(
        "from hosting.teams.models import Membership, Team, User;"
        f"user = User.objects.create_user({email!r});"
        "Membership.objects.create(team=Team.objects.get(name='Console team'), user=user, role='operator')"
    )
    page = at_console(browse(team.console(2), person=email))
    began = time.monotonic()
    stack.run(
        "from hosting.inventory.models import Vm; from hosting.teams.models import Membership, User\n"
        "from django.contrib.sessions.models import Session; from hosting.viewings.models import Viewing\n"
        "def own_sessions_end(member):\n"
        "    names = Viewing.objects.filter(user=member.user_id).values('session')\n"
        "    Session.objects.filter(session_key__in=names).delete()\n"
        f"SERVER = {team.servers[2]}\n"
        f"member = Membership.objects.select_related('user').get(user__email={email!r})\n" + TAKEN_AWAY[what]
    )
    words = "doesn't exist any more" if "server" in what else "your access has changed"
    expect(state(page)).to_contain_text(words)
    assert time.monotonic() - began < 5
