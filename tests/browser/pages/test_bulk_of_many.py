"""A bulk action on two hundred servers, in a browser against the running processes."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import DONE_MS, press
from tests.stack import Stack

LOGIN, PASSWORD, SERVERS = "FL2000-GANDI", "fl33t-of-the-test", 200


STATES = f"""
from hosting.provider.models import Vm
print(*Vm.objects.filter(account__handle__handle={LOGIN!r}).values_list("state", flat=True))
"""


def states(stack: Stack) -> list[str]:
    """The states of all servers, from the provider's database, because API calls would use up its rate limit."""
    return stack.run(STATES, provider=True).split()


@pytest.fixture
def fleet(stack: Stack) -> tuple[str, int]:
    """The address of a member, and the id of their account with `SERVERS` running servers."""
    stack.run(
        "from hosting.provider.seed import add_handle, seed_fleet\n"
        f"add_handle({LOGIN!r}, 'Fleet', '1000.00', {PASSWORD!r})\n"
        f"seed_fleet({LOGIN!r}, {SERVERS}, 0)",
        provider=True,
    )
    email, account = json.loads(
        stack.run(f"from tests.browser.pages import scene; scene.make_fleet({LOGIN!r}, {PASSWORD!r})")
    )
    return email, account


@pytest.mark.timeout(240)
@pytest.mark.drives("vm_stop")
def test_bulk_stop_of_two_hundred_servers_retries_only_the_failed_one(
    browse: Callable[..., Page], stack: Stack, fleet: tuple[str, int], complaints: list[str]
) -> None:
    email, account = fleet
    page = browse(person=email)
    expect(page.get_by_text("As of").first).to_be_visible(timeout=DONE_MS)
    page.goto(f"/accounts/{account}/servers/")
    stack.faults("vm_stop:fail@100")
    try:
        page.get_by_role("checkbox", name="Choose").first.check()
        page.get_by_role("checkbox", name="All on all pages").check()
        page.locator("#bulk").get_by_role("button", name="Stop").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Stop {SERVERS} servers")
        page.locator("main form").get_by_role("button", name="Stop").click()
        how_far, bar = page.locator(".bulk-state"), page.get_by_role("progressbar", name="Progress", exact=True)
        # It is seen to move before it is over.
        expect(bar).to_have_js_property("value", 0)
        expect(how_far).to_contain_text(re.compile(r"\b[1-9]\d{0,1} of 200 done"), timeout=DONE_MS)
        expect(how_far).to_contain_text(re.compile(r"\b1[0-8]\d of 200 done"), timeout=DONE_MS)
        expect(how_far).to_contain_text("Finished", timeout=DONE_MS)
        expect(how_far).to_contain_text("199 of 200 done")
        expect(how_far).to_contain_text("1 failed")
    finally:
        stack.faults("")
    assert sorted(states(stack)) == ["halted"] * 199 + ["running"]
    press(page, "Retry 1 failed")
    expect(how_far).to_contain_text("200 of 200 done", timeout=DONE_MS)
    assert set(states(stack)) == {"halted"}
    assert complaints == []
