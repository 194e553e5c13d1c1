"""Second factors, passkeys and sessions in a browser."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.steps import DESKTOP, PHONE, field
from tests.stack import Stack
from tests.web.access.signing_in import code

PASSWORD = "l00k-who-it-is"
MAKE = f"""
from hosting.teams.models import Membership, Team, User
user = User.objects.create_user("%s", {PASSWORD!r}, name="Ada")
Membership.objects.create(team=Team.objects.create(name="Ada"), user=user, role="owner")
"""


@pytest.fixture
def person(stack: Stack, request: pytest.FixtureRequest) -> str:
    """The email address of a new person."""
    email = f"{request.node.name.replace('_', '-')[:40]}@sign.example"
    stack.run(MAKE % email)
    return email


def sign_out(page: Page) -> None:
    page.goto("/auth/logout/")
    page.locator("main").get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def fresh_code(secret: str) -> str:
    """The current code; if it expires within seconds, wait for the next one."""
    if (left := 30 - time.time() % 30) < 8:
        time.sleep(left)
    return code(secret)


def give_code(page: Page, value: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Two-factor authentication")
    field(page, "Code").fill(value)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")


def test_authenticator_app_and_recovery_code_sign_in(
    browse: Callable[..., Page], stack: Stack, person: str, complaints: list[str]
) -> None:
    page = browse("/auth/login/", person=None, viewport=PHONE)
    sign_in(page, person, PASSWORD)
    page.goto("/auth/2fa/")
    page.get_by_role("link", name="Set up Authenticator app").click()
    page.get_by_text("Can't scan?").click()
    secret = page.locator("#totp-secret").inner_text().replace(" ", "")
    field(page, "Code").fill(fresh_code(secret))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    codes = page.locator(".codes li").all_inner_texts()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.path().read_text().split() == codes
    page.reload()
    expect(page.locator("main")).to_contain_text("Codes are shown only once")
    # Each code works once; as if half a minute had passed.
    stack.run(
        "from allauth.mfa.models import Authenticator\n"
        "for app in Authenticator.objects.filter(type='totp'):\n"
        "    app.data['last_step'] -= 1\n"
        "    app.save()"
    )
    for value in ("", codes[0]):
        sign_out(page)
        field(page, "Email").fill(person)
        field(page, "Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        give_code(page, value or fresh_code(secret))
    assert complaints == []


def test_passkey_signs_in_and_reauthenticates(
    browse: Callable[..., Page], stack: Stack, person: str, complaints: list[str]
) -> None:
    # Browsers know passkeys of names alone, not of numbers.
    page = browse("/auth/login/", person=None, viewport=DESKTOP, base_url=f"http://localhost:{stack.port}")
    browser = page.context.new_cdp_session(page)
    browser.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options = {**key, "isUserVerified": True, "automaticPresenceSimulation": True}
    browser.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    sign_in(page, person, PASSWORD)
    page.goto("/auth/2fa/webauthn/add/")
    field(page, "Name").fill("Laptop")
    page.get_by_role("button", name="Continue in the browser").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    page.goto("/auth/2fa/")
    expect(page.get_by_role("listitem").filter(has_text="Laptop")).to_contain_text("Passwordless sign-in")
    sign_out(page)
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
    page.goto("/auth/reauthenticate/?next=/me/")
    page.get_by_role("link", name="Use a passkey").click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Profile")
    # As the second factor it takes the place of the code.
    sign_out(page)
    field(page, "Email").fill(person)
    field(page, "Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome")
    assert complaints == []


def test_session_can_be_ended_from_another_browser(
    browse: Callable[..., Page], person: str, complaints: list[str]
) -> None:
    here, there = browse("/auth/login/", person=None), browse("/auth/login/", person=None)
    sign_in(here, person, PASSWORD)
    sign_in(there, person, PASSWORD)
    here.goto("/auth/sessions/")
    here.locator("main").get_by_role("button", name="End").click()
    expect(here.locator("main").get_by_role("status").first).to_contain_text("That session has ended")
    there.goto("/me/")
    expect(there.get_by_role("heading", level=1)).to_have_text("Sign in")
    assert complaints == []
