"""A person adds a key, and creates a server with it and a script, on a desktop and on a phone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests import factories
from tests.browser.steps import DESKTOP, DONE_MS, PHONE, field, go
from tests.stack import Stack

Browse = Callable[..., Page]
PLANTED = "planted-in-a-script-7"


@pytest.mark.drives("vm_create")
@pytest.mark.parametrize(("name", "size"), [("keyed-1", DESKTOP), ("keyed-2", PHONE)])
def test_server_is_created_with_a_key_and_a_script(
    browse: Browse, stack: Stack, complaints: list[str], name: str, size: ViewportSize
) -> None:
    page = browse()
    page.set_viewport_size(size)
    home = page.url
    page.goto("/me/ssh-keys/")
    page.get_by_role("link", name="Add key").click()
    field(page, "Public key").fill(factories.public_key(f"{name}@laptop"))
    page.get_by_role("button", name="Add key").click()
    expect(page.locator("main")).to_contain_text(f"{name}@laptop")

    page.goto(home)
    go(page, "Servers")
    page.get_by_role("link", name="New server").first.click()
    page.get_by_role("link", name="Server only").click()
    field(page, "Host name").fill(name)
    field(page, "Operating system").select_option(index=1)
    field(page, "Root password").fill("r00t-of-the-box")
    page.get_by_role("checkbox", name=f"{name}@laptop").check()
    page.get_by_text("First-boot script", exact=True).first.click()
    script = page.get_by_role("textbox", name="First-boot script")
    script.fill(f"echo {PLANTED}")
    expect(page.get_by_text(f"{len(PLANTED) + 5} of 16,384 bytes")).to_be_visible()
    page.get_by_role("button", name="Create server").click()
    # Refused, with everything still there but the password.
    expect(page.get_by_text("Start with a line such as")).to_be_visible()
    expect(page.get_by_role("checkbox", name=f"{name}@laptop")).to_be_checked()
    script.fill(f"#!/bin/sh\necho {PLANTED}")
    field(page, "Root password").fill("r00t-of-the-box")
    # The browser itself complains of what is no success.
    complaints.clear()
    page.get_by_role("button", name="Create server").click()

    page.get_by_role("link", name="View operation").first.click()
    main = page.locator("main")
    expect(main).to_contain_text("Done", timeout=DONE_MS)
    expect(main).to_contain_text(f"{name}@laptop (SHA256:")
    expect(main).to_contain_text(f"{len(PLANTED) + 15} bytes")
    assert PLANTED not in page.content()
    assert PLANTED not in stack.log
    page.goto("/me/ssh-keys/")
    expect(page.locator("main li", has_text=f"{name}@laptop")).not_to_contain_text("Never")
    assert complaints == []
