"""`make run HYPERVISOR=1`, as its user meets it: the five steps of a new server end at a real guest and its console."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests import databases
from tests.browser.conftest import browse, chromium, complaints
from tests.browser.journeys.test_console import at_console, enter, state, terminal
from tests.browser.steps import field, go, server_named
from tests.hypervisor.hypervisor import Hypervisor, key_pair
from tests.hypervisor.world import LIMIT_S
from tests.stack import Stack, start_stack

__all__ = ["browse", "chromium", "complaints"]
PASSWORD = "typed-by-hand-1"
SCRIPT = "#!/bin/sh\nhostname > /root/first-boot\n"


@pytest.fixture(scope="module")
def stack(guest_image: Path) -> Iterator[Stack]:
    directory = Path(tempfile.mkdtemp(prefix="sd-"))
    databases.copy_panel(directory / "panel.sqlite3")
    try:
        running = start_stack(directory, HYPERVISOR="1")
        yield running
        running.stop()
    finally:
        Hypervisor(directory).stop()
        shutil.rmtree(directory)


@pytest.mark.usefixtures("complaints")
def test_new_server_is_a_guest_that_its_owner_logs_in_to(
    browse: Callable[..., Page], stack: Stack, tmp_path: Path
) -> None:
    page = browse()
    home = page.url
    page.goto("/me/ssh-keys/")
    page.get_by_role("link", name="Add key").click()
    field(page, "Public key").fill(key_pair(tmp_path / "laptop"))
    page.get_by_role("button", name="Add key").click()
    page.goto(home)
    page.get_by_role("link", name="New server").first.click()
    systems = field(page, "Operating system").locator("option")
    while systems.count() < 2:  # the account is being read for the first time
        page.wait_for_timeout(1000)
        page.reload()
    for label, value in {
        "Shares to buy": "1",
        "Host name": "shop",
        "Shares": "1",
        "CPUs": "1",
        "Admin login": "admin",
        "Root password": PASSWORD,
        "Label": "goods",
        "Size, in GB": "1",
    }.items():
        field(page, label).fill(value)
    field(page, "Operating system").select_option(index=1)
    field(page, "File system").select_option("xfs")
    page.get_by_role("checkbox", name="a test").check()
    page.get_by_text("First-boot script", exact=True).first.click()
    page.get_by_role("textbox", name="First-boot script").fill(SCRIPT)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("ol > li.step-done")).to_have_count(5, timeout=LIMIT_S * 1000)

    server = server_named(stack.api(), "shop")
    [address] = [ip["ip"] for ip in server["ifaces"][0]["ips"] if ip["version"] == 4]
    inside = Hypervisor(stack.directory)
    disk = f"grep -l disk-{server['disks_id'][1]} /sys/block/vd*/serial | cut -d/ -f4"
    done = inside.ssh(address, f"hostname; mount -t xfs /dev/$({disk}) /mnt && echo mounted", password=PASSWORD)
    assert done.stdout.split() == ["shop", "mounted"], done

    by_key = inside.ssh_by_key(address, "cat /root/first-boot", user="root", key=tmp_path / "laptop")
    assert by_key.stdout.strip() == "shop", by_key

    page.goto("/")
    go(page, "Servers")
    page.locator("main tbody").get_by_role("link", name="shop", exact=True).click()
    expect(page.locator("main")).to_contain_text("Running")
    page.get_by_role("navigation", name="Server").get_by_role("link", name="Console").click()
    # A guest that has booted says nothing by itself.
    enter(at_console(page), "")
    expect(terminal(page)).to_contain_text("login:")
    enter(page, "root")
    expect(terminal(page)).to_contain_text("Password:")
    enter(page, PASSWORD)
    expect(terminal(page)).to_contain_text("# ")
    other = at_console(browse(page.url))
    enter(page, "echo seen by $((1 + 1))")
    expect(terminal(other)).to_contain_text("seen by 2")
    assert PASSWORD not in terminal(other).inner_text()
    enter(other, "poweroff")
    # Nobody reloads the page.
    for each in (page, other):
        expect(state(each)).to_contain_text("The server is stopped", timeout=60_000)
        expect(each.locator("#live")).to_contain_text("Stopped", timeout=60_000)
    assert PASSWORD not in stack.log
