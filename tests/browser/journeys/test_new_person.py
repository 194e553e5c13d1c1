"""A new member gets from the sign-in to a running server with a data disk by the defaults of the forms."""

import time
from collections.abc import Callable

from playwright.sync_api import Page, expect

from hosting.provider.drivers.pace import DURATIONS, JITTER, PRODUCT_DURATION
from tests.browser.conftest import SPEED, sign_in
from tests.browser.steps import DONE_MS, field, offered, server_named
from tests.stack import Stack

# What nobody can answer for them: the name, the system, and the password.
THEIRS = {"hostname", "os_id", "password"}
# Without the provider's own work: what Sharedeck and a browser may take for the whole way, on a busy machine.
AT_MOST_S = 40


def left_to_fill_in(page: Page) -> set[str]:
    """The names of the empty required fields."""
    fields = page.locator("main form").locator("input:visible, select:visible, textarea:visible").all()
    return {str(one.get_attribute("name")) for one in fields if not one.input_value()}


def provider_s() -> float:
    """The longest time the provider takes for the five steps."""
    steps = PRODUCT_DURATION + sum(DURATIONS[name] for name in ("vm_create", "disk_create", "disk_attach"))
    return steps * float(SPEED) * (1 + JITTER)


def test_new_member_gets_a_running_server_after_filling_in_three_fields(
    browse: Callable[..., Page], stack: Stack, complaints: list[str]
) -> None:
    page = browse("/", person=None)
    began = time.monotonic()
    sign_in(page, stack.email, stack.password)
    offered(page, "New server").click()
    assert left_to_fill_in(page) == THEIRS
    field(page, "Host name").fill("first")
    field(page, "Operating system").select_option(label="Debian 12 (x86-64)")
    field(page, "Root password").fill("correct-horse-1")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator(".state-card .state")).to_have_text("Done", timeout=DONE_MS)
    took_s = time.monotonic() - began
    server = server_named(stack.api(), "first")
    assert server["state"] == "running"
    assert [disk["name"] for disk in server["disks"]] == ["sys_first", "data"]
    # The plan leads to what it has made.
    page.get_by_role("link", name="Open the server").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("first")
    expect(page.locator(".state-card .state")).to_have_text("Running")
    assert took_s - provider_s() < AT_MOST_S
    assert complaints == []
