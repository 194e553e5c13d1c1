"""Odd values from the provider: pages still render, and the texts are escaped."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Disk
from hosting.operations.kinds.catalogue import DeleteVm, RebootVm, StartVm, StopVm
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories

MARKUP = "\"'><img src=x onerror=alert(1)>&amp;"
NEVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def get(browser: Client, name: str, account: Account, *arguments: int) -> str:
    response = browser.get(reverse(name, args=[account.pk, *arguments]))
    assert response.status_code == 200
    return response.content.decode()


def test_provider_texts_are_escaped(browser: Client, account: Account) -> None:
    interface = {"id": 1, "type": MARKUP, "bandwidth_kbps": 5120.0, "ips": [{"ip": MARKUP, "reverse": MARKUP}]}
    texts: dict[str, Any] = {
        "state": MARKUP[:20],
        "os_label": MARKUP,
        "console": MARKUP,
        "description": MARKUP,
        "ifaces": [interface],
    }
    vm = factories.vm(account, MARKUP, **texts)
    disk = factories.disk(account, MARKUP, on=vm, state=MARKUP[:20], fstype=MARKUP[:20], label=f"{MARKUP} 2")
    refusals = {action: [MARKUP] for action in ("renewing", "updating", "removing", "releasing")}
    product = factories.product(account, product_name=MARKUP, duration=MARKUP[:10], errors=refusals, ends_in_days=5)
    factories.os_image(account, MARKUP, arch=MARKUP[:20])
    factories.change(account, name=MARKUP, before={"state": MARKUP}, after={"state": MARKUP})
    outside = factories.operation(
        account, kind=MARKUP[:40], params={MARKUP: MARKUP}, subject=MARKUP, origin="outside", state="tracked"
    )
    problem = {"reason": "fault", "code": 510000, "object": 1, "cause": 99, "element": MARKUP, "text": MARKUP}
    refused = factories.operation(account, subject=MARKUP, state="refused", problem=problem)
    pages = [get(browser, name, account) for name in ("dashboard", "servers", "disks", "shares", "operations")]
    pages += [get(browser, name, account) for name in ("changes", "server_new")]
    pages += [get(browser, name, account, vm.remote_id) for name in ("server", "server_resize", "server_delete")]
    pages += [get(browser, name, account, disk.remote_id) for name in ("disk", "disk_attach", "disk_delete")]
    pages += [get(browser, f"shares_{name}", account, product.remote_id) for name in ("renew", "update", "remove")]
    pages += [get(browser, "operation", account, one.pk) for one in (outside, refused)]
    for page in pages:
        assert "<img" not in page
        # Escaped once, not twice.
        assert "&amp;lt;" not in page


@pytest.mark.parametrize(
    "params",
    [{"items": "x"}, {"items": 1, "keys": None}, {"size": True}, {"size": "big", "name": [1, {"a": None}]}, {"": ""}],
)
def test_external_operation_page_accepts_any_parameters(
    browser: Client, account: Account, params: dict[str, object]
) -> None:
    operation = factories.operation(account, kind="vm_migrate", params=params, origin="outside", state="tracked")
    assert "vm_migrate" in get(browser, "operation", account, operation.pk)


@pytest.mark.parametrize(
    ("kind", "params"), [("vm_migrate", {"to": "x"}), ("vm_create", {"hostname": "a", "farm": 1}), ("vm_stop", {})]
)
def test_external_operation_cannot_be_cancelled(
    browser: Client, account: Account, kind: str, params: dict[str, object]
) -> None:
    operation = factories.operation(account, kind=kind, params=params, origin="outside", state="tracked")
    response = browser.post(reverse("operation_cancel", args=[account.pk, operation.pk]), follow=True)
    assert "can no longer be cancelled" in response.content.decode()
    assert Operation.objects.get().state == "tracked"


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York"])
@pytest.mark.parametrize("end", [NEVER, LONG_AGO, None])
def test_pages_accept_a_product_without_end_or_ended_long_ago(
    browser: Client, account: Account, zone: str, end: datetime | None
) -> None:
    product = factories.product(account, date_end=end, date_created=None)
    with timezone.override(zone):
        get(browser, "dashboard", account)
        assert f"#{product.remote_id}" in get(browser, "shares", account)
        get(browser, "shares_renew", account, product.remote_id)


def test_negative_amounts_draw_an_empty_bar(browser: Client, account: Account) -> None:
    AccountInfo.objects.update(granted={"shares": -2}, used={"shares": -1}, available={"shares": -5})
    for name in ("dashboard", "shares"):
        page = get(browser, name, account)
        assert 'class="gauge-used" width="0.00"' in page
        assert 'width="-' not in page


def test_server_page_shows_the_bandwidth_of_an_interface(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    assert "5 Mbit/s" in get(browser, "server", account, vm.remote_id)


def test_object_without_a_name_is_shown_by_its_id(browser: Client, account: Account) -> None:
    vm, disk = factories.vm(account, " "), factories.disk(account, " ")
    for name, row in (("server", vm), ("disk", disk)):
        assert f">#{row.remote_id}<" in get(browser, f"{name}s", account)
        page = get(browser, name, account, row.remote_id)
        assert f"<title>#{row.remote_id} " in page
        assert f"#{row.remote_id}" in page.split("<h1>")[1].split("</h1>")[0]


@pytest.mark.parametrize(("name", "typed"), [(" ", "#{}"), ("my  disk", "my disk"), (" data ", "data")])
def test_disk_with_an_odd_name_can_be_deleted(browser: Client, account: Account, name: str, typed: str) -> None:
    disk = factories.disk(account, name)
    url = reverse("disk_delete", args=[account.pk, disk.remote_id])
    assert browser.post(url, {"name": "other"}).status_code == 422
    assert browser.post(url, {"name": typed.format(disk.remote_id)}).status_code == 303


def test_preview_with_a_huge_share_count_causes_no_error(browser: Client, account: Account) -> None:
    response = browser.post(reverse("server_preview", args=[account.pk]), {"buy_shares": "9" * 4300})
    assert response.status_code == 200


def test_server_page_lists_at_most_one_hundred_disks(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    common = {"account": account, "read_at": timezone.now(), "size_mb": 1024, "vm_remote_id": vm.remote_id}
    Disk.objects.bulk_create(Disk(remote_id=number, name=f"disk-{number}", **common) for number in range(1, 10_001))
    page = get(browser, "server", account, vm.remote_id)
    assert "Only the first 100 are shown here." in page
    assert len(page) < 200_000


def test_product_that_is_not_known_has_its_own_name_and_no_unit_of_another(browser: Client, account: Account) -> None:
    factories.product(account, product_name="gpu_hours", quantity=1200)
    page = " ".join(get(browser, "shares", account).split())
    assert "gpu_hours" in page
    row = page[page.index("gpu_hours") :]
    row = row[: row.index("</tr>")]
    assert "1,200" in row
    assert "1,200 shares" not in row


def test_states_that_are_not_known_are_shown_and_can_be_filtered(browser: Client, account: Account) -> None:
    factories.vm(account, "moves", state="migrating")
    factories.vm(account, "runs", state="running")
    factories.disk(account, "copies", state="cloning")
    assert "migrating" in get(browser, "servers", account)
    for name, there in (("servers", "moves"), ("disks", "copies")):
        page = browser.get(reverse(name, args=[account.pk]), {"state": "other"}).content.decode()
        assert there in page
        assert "runs" not in page[page.index("<tbody") :]


DECIDES = "Sharedeck doesn&#x27;t know this state. The provider decides what is possible."


def test_server_in_an_unknown_state_keeps_its_buttons_and_says_who_decides(browser: Client, account: Account) -> None:
    vm, known = factories.vm(account, "moves", state="migrating"), factories.vm(account, "locks", state="locked")
    row = get(browser, "servers", account)
    page = get(browser, "server", account, vm.remote_id)
    for name in ("start", "stop", "reboot"):
        url = f'formaction="{reverse(f"server_{name}", args=[account.pk, vm.remote_id])}"'
        assert url in row
        assert url in page
    assert reverse("server_delete", args=[account.pk, vm.remote_id]) in page
    assert "Only stopped servers" not in get(browser, "server_delete", account, vm.remote_id)
    assert DECIDES in row
    assert DECIDES in page
    assert DECIDES not in get(browser, "server", account, known.remote_id)
    assert reverse("server_start", args=[account.pk, known.remote_id]) not in row


def test_disk_in_an_unknown_state_keeps_its_buttons_and_says_who_decides(browser: Client, account: Account) -> None:
    vm = factories.vm(account, state="migrating")
    alone = factories.disk(account, "a", state="cloning")
    attached = factories.disk(account, "b", on=vm, state="cloning")
    boot = factories.disk(account, "c", on=vm, state="cloning", is_boot_disk=True)
    row = get(browser, "disks", account)
    for disk, names in ((alone, ["attach", "delete"]), (attached, ["detach"]), (boot, ["detach"])):
        page = get(browser, "disk", account, disk.remote_id)
        assert DECIDES in page
        for name in names:
            assert f'"{reverse(f"disk_{name}", args=[account.pk, disk.remote_id])}"' in page
    for disk, name in ((alone, "attach"), (attached, "detach")):
        assert f'"{reverse(f"disk_{name}", args=[account.pk, disk.remote_id])}"' in row
    assert row.count(DECIDES) == 3


def test_member_who_only_reads_gets_no_buttons_for_an_unknown_state(client: Client, account: Account) -> None:
    vm = factories.vm(account, "moves", state="migrating")
    client.force_login(factories.member(Role.VIEWER, of=account.team).user)
    for page in (get(client, "servers", account), get(client, "server", account, vm.remote_id)):
        assert f'formaction="{reverse("server_stop", args=[account.pk, vm.remote_id])}"' not in page


@pytest.mark.parametrize("kind", [StopVm, StartVm, RebootVm, DeleteVm])
def test_operation_on_an_unknown_state_is_accepted(account: Account, owner: Membership, kind: Any) -> None:
    vm = factories.vm(account, state="migrating")
    assert submit(kind(vm.remote_id), account=account, by=owner).state == "waiting"


def test_server_whose_creation_failed_can_be_deleted(account: Account, owner: Membership) -> None:
    vm = factories.vm(account, state="invalid")
    assert submit(DeleteVm(vm.remote_id), account=account, by=owner).state == "waiting"
