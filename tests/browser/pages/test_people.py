"""Inviting people, joining with and without an existing user, and being removed while working."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import sign_in
from tests.browser.steps import DESKTOP, PHONE, field, press
from tests.stack import Stack

PASSWORD = "people-passw0rd"
# A team with a person in it and one outside, and an account for which nothing is asked of the provider.
IN_THE_PANEL = f"""
import json
from django.utils import timezone
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.teams.models import Membership, Team, User
owner = User.objects.create_user("owner@people.example", name="Olive Owner")
User.objects.create_user("known@people.example", {PASSWORD!r}, name="Ken Known")
team = Team.objects.create(name="People team")
Membership.objects.create(team=team, user=owner, role="owner")
account = Account.objects.create(
    team=team, endpoint=Endpoint.objects.first(), label="Quiet", login="QQ1-TEST", handle="QQ1-TEST",
    sealed_password=seal("x"), trouble="credentials", mirrored_at=timezone.now(),
)
print(json.dumps([team.pk, account.pk]))
"""


@dataclass(frozen=True)
class Made:
    team: int
    account: int

    @property
    def people(self) -> str:
        return f"/teams/{self.team}/"


@pytest.fixture(scope="module")
def made(stack: Stack) -> Made:
    return Made(*json.loads(stack.run(IN_THE_PANEL)))


@pytest.fixture
def owner(browse: Callable[..., Page], made: Made) -> Page:
    return browse(made.people, person="owner@people.example", viewport=DESKTOP)


def invite(page: Page, email: str, role: str) -> None:
    """Invite a person by the form; the label of a role includes its permissions."""
    press(page, "Invite member")
    field(page, "Email address").fill(email)
    page.get_by_role("radio", name=role).check()
    # Chosen only when not all of them are meant.
    expect(page.get_by_label("Quiet (QQ1-TEST)")).to_be_hidden()
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("status").filter(has_text=f"Invitation sent to {email}")).to_be_visible()


def link_for(stack: Stack, email: str) -> str:
    """The path of the link in the latest mail to the address."""
    deadline = time.monotonic() + 20
    while not (mails := stack.mails(email)):
        assert time.monotonic() < deadline, f"no mail came to {email}"
        time.sleep(0.1)
    found = re.search(r"http://127\.0\.0\.1:\d+(/invitations/\S+)", mails[-1].get_payload(decode=True).decode())  # type: ignore[union-attr]
    assert found
    return found[1]


def test_new_person_joins_by_mail_and_loses_access_when_removed(
    owner: Page, browse: Callable[..., Page], made: Made, stack: Stack, complaints: list[str]
) -> None:
    invite(owner, "nora@people.example", "Operator Creates")
    theirs = browse(link_for(stack, "nora@people.example"), person=None, viewport=PHONE)
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Join People team")
    field(theirs, "Your name").fill("Nora New")
    field(theirs, "Password").fill(PASSWORD)
    field(theirs, "Confirm password").fill(PASSWORD)
    theirs.get_by_role("button", name="Join the team").click()
    expect(theirs.locator(".crumbs")).to_have_text("People team")
    theirs.goto(f"/accounts/{made.account}/servers/")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Servers")
    assert not complaints
    owner.reload()
    press(owner, "Remove Nora New")
    owner.locator("main form").get_by_role("button", name="Remove from the team").click()
    expect(owner.get_by_role("status").filter(has_text="Nora New was removed from the team")).to_be_visible()
    # The open page notices by itself, so that a click might be too late.
    theirs.goto(f"/accounts/{made.account}/disks/")
    expect(theirs.get_by_role("heading", level=1)).to_have_text("Page not found")
    theirs.goto("/")
    expect(theirs.get_by_text("You are not in a team yet")).to_be_visible()


def test_person_with_a_user_signs_in_and_accepts_an_invitation(
    owner: Page, browse: Callable[..., Page], made: Made, stack: Stack, complaints: list[str]
) -> None:
    invite(owner, "known@people.example", "Viewer")
    theirs = browse(link_for(stack, "known@people.example"), person=None, viewport=DESKTOP)
    theirs.get_by_role("link", name="Sign in to accept").click()
    sign_in(theirs, "known@people.example", PASSWORD)
    theirs.get_by_role("button", name="Join the team").click()
    expect(theirs.locator(".crumbs")).to_have_text("People team")
    # What a viewer may not do is off, and says why.
    off = theirs.get_by_role("button", name="Invite member")
    expect(off).to_be_disabled()
    expect(theirs.locator(".off", has=off)).to_have_attribute("title", re.compile("Your role can't manage members"))
    assert not complaints
