"""Accessibility of every page by axe's rules, at two widths and in two themes, including menus, dialogs and errors."""

import json
import re
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, reverse
from playwright.sync_api import Browser, Page, expect

from hosting.teams.tokens.secrets import PATTERN
from hosting.web.urls import of_account, of_team, urlpatterns
from tests.browser.conftest import listen, take_session
from tests.browser.pages import axe, scene
from tests.browser.steps import DESKTOP, PHONE, field
from tests.stack import Stack
from tests.web.browsing import POST_ONLY
from tests.web.browsing import Page as Address

# Pages that belong to no account.
OF_NO_ACCOUNT = {
    "home": "/",
    "search": "/search/?q=web",
    "accounts": "/accounts/",
    "connect": "/accounts/connect/",
    "profile": "/me/",
    "my_tokens": "/me/tokens/",
    "my_ssh_keys": "/me/ssh-keys/",
    "my_ssh_key_new": "/me/ssh-keys/new/",
    "team_new": "/teams/new/",
}
# Addresses that are no page, or that only a mail tells.
UNSEEN = {"api_whoami", "invitation", "set_language"}
# Addresses of what one person has.
OF_ONE = {"my_ssh_key_remove"}
# Of an account: no page either, but the WebSocket of one.
NO_PAGE = {"server_console_connection"}


@pytest.fixture(scope="module")
def made(stack: Stack) -> scene.Scene:
    return scene.Scene(**json.loads(stack.run("from tests.browser.pages import scene; scene.make()")))


class Look:
    """Opens pages and collects their violations, so that one run reports all of them."""

    def __init__(self, page: Page, stack: Stack) -> None:
        self.page = page
        self.stack = stack
        self.found: list[str] = []
        listen(page, self.found)

    def sign_in(self, email: str) -> None:
        self.page.context.clear_cookies()
        take_session(self.page.context, self.stack, email)

    def open(self, path: str, *, status: int = 200) -> None:
        """Open a page and check it."""
        self.page.set_viewport_size(DESKTOP)
        before = len(self.found)
        response = self.page.goto(path)
        assert response is not None
        if status != 200:
            # The browser itself complains of what is no success.
            del self.found[before:]
        assert response.status == status, path
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        self.check(path)

    def check(self, name: str, within: str = "html") -> None:
        self.found += [f"{name}: {line}" for line in axe.complaints(self.page, within)]

    def assert_fine(self) -> None:
        found, self.found[:] = "\n".join(self.found), []
        assert not found, found


@pytest.fixture(scope="module")
def look(chromium: Browser, stack: Stack) -> Iterator[Look]:
    """A page with axe loaded. Motion is reduced, because axe would measure colours halfway through a transition."""
    context = chromium.new_context(base_url=stack.url, reduced_motion="reduce")
    context.add_init_script(axe.source())
    context.set_default_timeout(15_000)
    yield Look(context.new_page(), stack)
    context.close()


def pages_of(made: scene.Scene, ip_id: int) -> list[Address]:
    """One URL for each page of an account. New route arguments have to be added here.

    `ip_id`: of an address of SERVER.
    """
    of_section = {"servers": scene.SERVER, "disks": scene.FREE_DISK, "shares": scene.PRODUCT}
    known: dict[str, object] = {
        "operation_id": made.operation,
        "plan_id": made.plan,
        "bulk_id": made.bulk,
        "tag_id": made.tag,
        "view_id": made.view,
        "section": "servers",
        "ip_id": ip_id,
    }
    choices = {
        "servers_bulk": f"?action=stop&ids={scene.SERVER}",
        "disks_bulk": f"?action=delete&ids={scene.FREE_DISK}",
        "servers_tags": f"?ids={scene.SERVER}",
        "disks_tags": f"?ids={scene.FREE_DISK}",
        "view_save": "?state=halted",
        "shares_bulk": f"?action=renew&ids={scene.PRODUCT}",
    }
    found = []
    for pattern in of_account:
        assert isinstance(pattern, URLPattern)
        name, route = str(pattern.name), str(pattern.pattern)
        if name in POST_ONLY | NO_PAGE:
            continue
        arguments: dict[str, object] = {"account_id": made.account}
        for argument in re.findall(r":(\w+)>", route):
            section = route.split("/", maxsplit=1)[0]
            arguments[argument] = of_section[section] if argument == "remote_id" else known[argument]
        found.append(Address(name, reverse(name, kwargs=arguments) + choices.get(name, "")))
    return found


@pytest.mark.timeout(300)
def test_every_account_page_is_accessible_in_both_widths_and_themes(look: Look, made: scene.Scene) -> None:
    look.sign_in(made.owner)
    [interface] = look.stack.api().vm_info(scene.SERVER)["ifaces"]
    for address in pages_of(made, interface["ips"][0]["id"]):
        look.open(address.url)
    look.open(reverse("operation", args=[made.account, made.unconfirmed]))
    look.assert_fine()


def test_figures_appear_in_the_open_page_with_a_table_behind_each_chart(look: Look, made: scene.Scene) -> None:
    look.sign_in(made.owner)
    page = look.page
    page.set_viewport_size(DESKTOP)
    # Nobody has looked at this server's figures yet.
    page.goto(reverse("server", args=[made.account, scene.RUNNING_SERVER]))
    page.get_by_role("navigation", name="Server").get_by_role("link", name="Figures").click()
    page.evaluate("window.isSamePage = true")
    for name in ("CPU, in percent of one core", "Memory", "Disk per second", "Network per second"):
        expect(page.get_by_role("img", name=name)).to_be_visible()
    assert page.evaluate("window.isSamePage")
    page.get_by_role("navigation", name="Period").get_by_role("link", name="1 hour").click()
    expect(page.get_by_role("navigation", name="Period").get_by_role("link", name="1 hour")).to_have_attribute(
        "aria-current", "true"
    )
    page.locator("#memory-data summary").click()
    expect(page.locator("#memory-data").get_by_role("row").nth(30)).to_be_visible()
    look.check("figures of a server, with an open table")
    look.assert_fine()


def test_every_team_page_is_accessible(look: Look, made: scene.Scene) -> None:
    known = {"member_id": made.member, "invitation_id": made.invitation, "token_id": made.token}
    known["key_id"] = made.team_key
    look.sign_in(made.owner)
    for pattern in of_team:
        assert isinstance(pattern, URLPattern)
        arguments = {argument: known[argument] for argument in re.findall(r":(\w+)>", str(pattern.pattern))}
        if pattern.name not in POST_ONLY:
            look.open(reverse(str(pattern.name), kwargs={"team_id": made.team, **arguments}))
    page = look.page
    page.goto(reverse("my_token_new", args=[made.team]))
    before = len(look.found)
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_role("alert")).to_be_visible()
    # The browser itself complains of what is no success.
    del look.found[before:]
    look.check("a token that can't be made")
    field(page, "Name").fill("try")
    page.get_by_role("radio", name=re.compile("^All accounts")).check()
    page.get_by_role("button", name="Create token").click()
    expect(page.locator("main")).to_contain_text(PATTERN)
    look.check("a new token")
    look.assert_fine()


def test_every_page_outside_an_account_is_accessible(look: Look, made: scene.Scene) -> None:
    named = {str(pattern.name) for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert named == OF_NO_ACCOUNT.keys() | UNSEEN | OF_ONE
    look.sign_in(made.owner)
    own_key = reverse("my_ssh_key_remove", args=[made.own_key])
    for path in (*OF_NO_ACCOUNT.values(), own_key, "/search/?q=nothing-like-this", "/auth/logout/"):
        look.open(path)
    look.sign_in(made.newcomer)
    look.open("/")
    look.page.context.clear_cookies()
    for path in ("/auth/login/", "/auth/password/reset/", made.link):
        look.open(path)
    look.assert_fine()


def test_every_personal_page_is_accessible(look: Look, made: scene.Scene) -> None:
    look.sign_in(made.newcomer)
    own = ("account_email", "account_change_password", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn")
    for name in (*own, "usersessions_list", "account_reauthenticate"):
        look.open(reverse(name))
    look.page.context.clear_cookies()
    for name in ("account_signup", "account_email_verification_sent", "account_reset_password_done"):
        look.open(reverse(name))
    look.assert_fine()


def test_pages_of_an_empty_account_and_of_a_viewer_are_accessible(look: Look, made: scene.Scene) -> None:
    look.sign_in(made.owner)
    for name in ("dashboard", "servers", "shares", "attention"):
        look.open(reverse(name, args=[made.empty_account]))
    look.open(reverse("servers", args=[made.account]) + "?q=nothing-like-this")
    look.sign_in(made.viewer)
    look.open(reverse("dashboard", args=[made.account]))
    look.open(reverse("server", args=[made.account, scene.SERVER]))
    look.open(reverse("disk_new", args=[made.account]), status=403)
    look.assert_fine()


def test_error_pages_are_accessible(look: Look, made: scene.Scene) -> None:
    look.sign_in(made.owner)
    look.open("/no-such-page/", status=404)
    page = look.page
    page.goto(reverse("disk_new", args=[made.account]))
    page.locator("main form").get_by_role("button").click()
    expect(field(page, "Label")).to_have_attribute("aria-invalid", "true")
    # The page says what is to be corrected; the browser adds its own line for the status.
    look.found.clear()
    look.check("a form with errors")
    page.context.clear_cookies(name="csrftoken")
    page.locator("main form").get_by_role("button").click()
    expect(page).to_have_title(re.compile("Sharedeck"))
    look.found.clear()
    look.check("no CSRF token")
    look.assert_fine()


def test_menus_and_dialogs_are_accessible_when_open(look: Look, made: scene.Scene) -> None:
    look.sign_in(made.owner)
    page = look.page
    page.set_viewport_size(DESKTOP)
    page.goto(reverse("server", args=[made.account, scene.SERVER]))
    for menu in (".switcher", ".user-menu"):
        page.set_viewport_size(DESKTOP)
        page.locator(f"{menu} summary").click()
        # What it lies on is half covered as long as it is open.
        look.check(menu, within=menu)
    page.keyboard.press("Escape")
    page.set_viewport_size(PHONE)
    page.locator(".nav-button").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    look.check("the menu of a phone")
    page.set_viewport_size(DESKTOP)
    page.get_by_role("button", name="Stop web1").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    look.check("a question before a change")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    look.check("the list of keys")
    look.assert_fine()
