"""Every operation of the API, submitted in a browser on a desktop and on a phone, and checked at the provider."""

from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.journeys.test_main_job import fill_new_server
from tests.browser.steps import (
    DESKTOP,
    DONE_MS,
    PHONE,
    confirm,
    field,
    go,
    offered,
    opened,
    press,
    row,
    send,
    server_named,
)
from tests.stack import Stack

Browse = Callable[..., Page]


def life_of_a_server(page: Page, remote: Any, name: str) -> Iterator[None]:
    """Create, change and delete a server with a disk that outlives it; yield while waiting for the provider."""
    go(page, "Servers")
    page.get_by_role("link", name="New server").first.click()
    fill_new_server(page, name)
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name="Start").click()
    yield
    expect(page.locator("ol > li.step-done")).to_have_count(5, timeout=DONE_MS)
    go(page, "Servers")
    page.get_by_role("link", name=name, exact=True).click()

    def server() -> dict[str, Any]:
        return server_named(remote, name)

    # Its disks are named as the server names them, soon after somebody looks.
    expect(page.locator("main")).to_contain_text("/dev/xvdb", timeout=DONE_MS)
    confirm(page, "Stop")
    yield
    offered(page, "Start")
    assert server()["state"] == "halted"
    press(page, "Resize")
    field(page, "Shares").fill("3")
    field(page, "CPUs").fill("3")
    send(page, "Resize")
    yield
    offered(page, "Start")
    assert (server()["shares"], server()["cores"]) == (3, 3)
    press(page, "Reinstall")
    field(page, "Operating system").select_option(label="Debian 4 (x86-32)")
    field(page, "Root password").fill("an0ther-password")
    field(page, f"Type “{name}” to confirm").fill(name)
    send(page, "Reinstall server")
    yield
    offered(page, "Start")
    assert (server()["os_label"], server()["state"]) == ("Debian 4", "halted")
    opened(page, "Change reverse name", page.get_by_label("Reverse name of").first).fill(f"{name}.example.net")
    send(page, "Save")
    yield
    offered(page, "Start")
    assert [ip["reverse"] for ip in server()["ifaces"][0]["ips"]] == [f"{name}.example.net", name]
    press(page, "Start")
    yield
    confirm(page, "Reboot")
    yield
    offered(page, "Stop")
    assert server()["state"] == "running"

    page.get_by_role("link", name=f"{name}-data", exact=True).click()
    confirm(page, "Detach")
    yield
    offered(page, "Attach")
    assert len(server()["disks"]) == 1
    press(page, "Attach")
    field(page, "Server").fill(name)
    send(page, "Attach")
    yield
    # The history below links to the operation that detached it.
    offered(page.locator(".state-card"), "Detach")
    assert len(server()["disks"]) == 2

    page.locator("main").get_by_role("link", name=name, exact=True).first.click()
    confirm(page, "Stop")
    yield
    renamed = f"{name}-renamed"
    press(page, "Rename")
    field(page, "New host name").fill(renamed)
    send(page, "Rename")
    yield
    offered(page, "Start")
    assert server_named(remote, renamed)["state"] == "halted"
    press(page, "Delete")
    field(page, f"Type “{renamed}” to confirm").fill(renamed)
    send(page, "Delete server")
    yield
    expect(page.get_by_role("link", name=renamed, exact=True)).to_have_count(0, timeout=DONE_MS)
    assert renamed not in [remote.vm_info(vm_id)["hostname"] for vm_id in remote.vm_list()]
    go(page, "Disks")
    page.get_by_role("link", name=f"{name}-data", exact=True).click()
    press(page, "Delete")
    field(page, f"Type “{name}-data” to confirm").fill(f"{name}-data")
    send(page, "Delete disk")
    yield
    expect(page.get_by_role("link", name=f"{name}-data")).to_have_count(0, timeout=DONE_MS)


def life_of_a_product(page: Page, remote: Any, quantity: int) -> Iterator[None]:
    """Buy, renew, enlarge and release shares, then a disk product with a unique quantity in MB."""

    def product(size: int) -> dict[str, Any]:
        return next(one for one in remote.hosting_account_info()["products"] if one["quantity"] == size)

    go(page, "Shares")
    press(page, "Buy shares or disk")
    field(page, "Product").select_option("disk")
    field(page, "Quantity").fill(str(quantity))
    field(page, "Duration").select_option("1m")
    send(page, "Buy")
    yield
    quota = page.locator("main tbody tr").filter(has_text="Disk quota")
    expect(quota.filter(has_text=f"{quantity / 1024:g} GB")).to_be_visible(timeout=DONE_MS)
    bought = product(quantity)
    here = row(page, f"/shares/{bought['id']}/")
    press(page, "Renew", here)
    field(page, "Renew for").select_option("2m")
    send(page, "Renew")
    yield
    offered(here, "Change")
    assert product(quantity)["date_end"].value > bought["date_end"].value
    press(page, "Change", here)
    field(page, "Disk, in MB").fill(str(quantity + 1))
    send(page, "Change")
    yield
    offered(here, "Release")
    assert product(quantity + 1)["id"] == bought["id"]
    press(page, "Release", here)
    send(page, "Release product")
    yield
    # While it is being released, its row has no links.
    choice = page.locator(f'main input[name=ids][value="{bought["id"]}"]')
    expect(choice).to_have_count(0, timeout=DONE_MS)
    assert bought["id"] not in [one["id"] for one in remote.hosting_account_info()["products"]]

    go(page, "Disks")
    press(page, "New disk")
    field(page, "Label").fill(f"loose-{quantity}")
    field(page, "Size, in GB").fill("1")
    field(page, "File system").select_option("jfs")
    send(page, "Create disk")
    yield
    page.get_by_role("link", name=f"loose-{quantity}", exact=True).click(timeout=DONE_MS)
    offered(page, "Attach")


@pytest.mark.timeout(240)
@pytest.mark.drives(
    "hosting_account_product_add",
    "hosting_account_product_renew",
    "hosting_account_product_update",
    "hosting_account_product_remove",
    "vm_create",
    "vm_update",
    "vm_delete",
    "vm_start",
    "vm_stop",
    "vm_reboot",
    "vm_info",
    "vm_disk_list",
    "vm_disk_link",
    "disk_create",
    "disk_attach",
    "disk_detach",
    "disk_delete",
    "disk_info",
    "operation_list",
    "operation_details",
    "sharedeck.vm_rename",
    "sharedeck.vm_reinstall",
    "sharedeck.ip_reverse",
)
def test_every_operation_can_be_submitted_on_desktop_and_phone(
    browse: Browse, stack: Stack, complaints: list[str]
) -> None:
    remote = stack.api()
    lives = [
        life_of_a_server(browse(viewport=DESKTOP), remote, "desk"),
        life_of_a_product(browse(viewport=DESKTOP), remote, 1536),
        life_of_a_server(browse(viewport=PHONE, has_touch=True), remote, "pocket"),
        life_of_a_product(browse(viewport=PHONE, has_touch=True), remote, 1792),
    ]
    # They take turns: while one waits for the provider, the others go on.
    for _ in zip_longest(*lives):
        pass
    assert complaints == []
