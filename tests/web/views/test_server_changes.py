"""The buttons and forms that rename or reinstall a server and name its addresses."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.accounts.sealing import unseal
from hosting.api import EXTENSIONS
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.operations.models.operation import Operation
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from tests import factories
from tests.web.browsing import without_isolation
from tests.web.views.test_forms import beside

PAGES: dict[str, type[Kind]] = {
    "server_rename": RenameVm,
    "server_reinstall": ReinstallVm,
    "server_reverse": NameAddress,
}
TYPED = {"password": "an0ther-password", "name": "web-9"}


@pytest.fixture(autouse=True)
def offering(account: Account) -> None:
    account.endpoint.extensions = sorted(EXTENSIONS)
    account.endpoint.save()


def address(account: Account, name: str, number: int) -> str:
    """The address of a page of the server; that of its only network address has the same number."""
    return reverse(name, args=[account.pk, number, *([number] if name == "server_reverse" else [])])


@pytest.mark.parametrize("missing", [*PAGES, None])
def test_server_page_offers_what_the_provider_offers(browser: Client, account: Account, missing: str | None) -> None:
    vm = factories.vm(account, state="halted")
    if missing:
        account.endpoint.extensions.remove(PAGES[missing].method)
        account.endpoint.save()
    page = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    assert {name for name in PAGES if address(account, name, vm.remote_id) in page} == set(PAGES) - {missing}


def test_viewer_sees_the_reverse_name_and_no_form(account: Account) -> None:
    vm = factories.vm(account)
    browser = Client()
    browser.force_login(factories.member("viewer", of=account.team).user)
    page = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    assert vm.ifaces[0]["ips"][0]["reverse"] in page
    for name in PAGES:
        assert address(account, name, vm.remote_id) not in page


def test_buttons_wait_for_the_operation_in_progress(browser: Client, account: Account, owner: Membership) -> None:
    vm = factories.vm(account, state="halted")
    factories.operation(account, by=owner, state="waiting", target=f"vm:{vm.remote_id}", vm_id=vm.remote_id)
    page = browser.get(reverse("server", args=[account.pk, vm.remote_id])).content.decode()
    for name in PAGES:
        assert address(account, name, vm.remote_id) not in page


def test_rename_is_submitted_once(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-9")
    url, nonce = address(account, "server_rename", vm.remote_id), str(uuid.uuid4())
    assert "already has this name" in beside(browser.post(url, {"hostname": "web-9"}).content.decode(), "hostname")
    assert "letters, digits and hyphens" in beside(browser.post(url, {"hostname": "_"}).content.decode(), "hostname")
    for _ in range(2):
        assert browser.post(url, {"hostname": "web-10", "nonce": nonce}).status_code == 303
    operation = Operation.objects.get()
    assert (operation.kind, operation.params) == (RenameVm.method, {"vm_id": vm.remote_id, "hostname": "web-10"})
    entry = AuditEntry.objects.get(action=f"operation.{RenameVm.method}")
    assert entry.before == {"vm_id": vm.remote_id, "hostname": "web-9"}
    assert entry.after == operation.params


def test_reinstall_page_says_what_is_lost_and_what_stays(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-9", state="halted")
    factories.os_image(account, remote_id=5, label="Fits", min_disk_mb=4096)
    factories.os_image(account, remote_id=6, label="Too large", min_disk_mb=4097)
    factories.disk(account, "the-system", on=vm, type="system", is_boot_disk=True, position=0, size_mb=4096)
    factories.disk(account, "the-data", on=vm)
    page = without_isolation(browser.get(address(account, "server_reinstall", vm.remote_id)).content.decode())
    lost, kept = page.index("Deleted and made anew"), page.index("Kept")
    assert page.index("the-system") < lost < page.index("1 data disk\n") < kept
    assert "Fits" in page
    assert "Too large" not in page
    assert "can&#x27;t be undone" in page


def test_reinstall_asks_for_the_name_and_stores_the_password_sealed(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-9", state="halted")
    image = factories.os_image(account, min_disk_mb=1024)
    factories.disk(account, on=vm, type="system", is_boot_disk=True, position=0, size_mb=4096)
    url = address(account, "server_reinstall", vm.remote_id)
    typed = {**TYPED, "os_id": image.remote_id, "nonce": str(uuid.uuid4())}
    wrong = browser.post(url, {**typed, "name": "web-1"})
    assert wrong.status_code == 422
    assert "Type “web-9” to reinstall it" in without_isolation(wrong.content.decode())
    assert TYPED["password"] not in wrong.content.decode()
    assert "at least one letter" in beside(
        browser.post(url, {**typed, "password": "12345678"}).content.decode(), "password"
    )
    for _ in range(2):
        assert browser.post(url, typed).status_code == 303
    operation = Operation.objects.get()
    assert (operation.kind, operation.subject) == (ReinstallVm.method, "web-9")
    assert operation.params == {"vm_id": vm.remote_id, "os_id": image.remote_id}
    assert unseal(operation.sealed_secret) == TYPED["password"]
    assert TYPED["password"] not in str(AuditEntry.objects.values_list())


def test_running_server_has_to_be_stopped_before_and_can_be_from_the_page(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-9")
    image = factories.os_image(account, min_disk_mb=1024)
    factories.disk(account, on=vm, type="system", is_boot_disk=True, position=0, size_mb=4096)
    url = address(account, "server_reinstall", vm.remote_id)
    page = browser.get(url).content.decode()
    assert "Stop the server first" in page
    stop = reverse("server_stop", args=[account.pk, vm.remote_id])
    assert f'formaction="{stop}"' in page
    refused = browser.post(url, {**TYPED, "os_id": image.remote_id})
    assert refused.status_code == 422
    assert "must be “Stopped”" in without_isolation(refused.content.decode())
    # And back to this page.
    assert browser.post(stop, {"next": url})["Location"] == url
    assert "reload this page" in browser.get(url).content.decode()


def test_reverse_name_is_changed_beside_its_address(browser: Client, account: Account) -> None:
    vm = factories.vm(account, "web-9")
    url = address(account, "server_reverse", vm.remote_id)
    wrong = browser.post(url, {"reverse": "www example"})
    assert wrong.status_code == 422
    assert "letters, digits and hyphens" in beside(wrong.content.decode(), "reverse")
    assert 'value="www example"' in wrong.content.decode()
    assert browser.post(url, {"reverse": ""})["Location"] == reverse("server", args=[account.pk, vm.remote_id])
    operation = Operation.objects.get()
    assert operation.params == {"vm_id": vm.remote_id, "ip_id": vm.remote_id, "name": ""}
    entry = AuditEntry.objects.get(action=f"operation.{NameAddress.method}")
    before = vm.ifaces[0]["ips"][0]["reverse"]
    assert entry.before == {"vm_id": vm.remote_id, "ip_id": vm.remote_id, "name": before}


def test_address_of_another_server_is_not_found(browser: Client, account: Account) -> None:
    vm, other = factories.vm(account), factories.vm(account)
    assert browser.get(reverse("server_reverse", args=[account.pk, vm.remote_id, other.remote_id])).status_code == 404


@pytest.mark.parametrize("name", list(PAGES))
def test_form_of_a_provider_without_it_says_so(browser: Client, account: Account, name: str) -> None:
    account.endpoint.extensions = []
    account.endpoint.save()
    vm = factories.vm(account, "web-9", state="halted")
    image = factories.os_image(account, min_disk_mb=1024)
    typed = {**TYPED, "os_id": image.remote_id, "hostname": "web-10", "reverse": "www.example.net"}
    response = browser.post(address(account, name, vm.remote_id), typed)
    assert response.status_code == 422
    assert "doesn't offer that" in response.content.decode().replace("&#x27;", "'")
    assert not Operation.objects.exists()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (RenameVm.method, "Rename server"),
        (ReinstallVm.method, "Reinstall server"),
        (NameAddress.method, "Change reverse name"),
    ],
)
def test_external_operation_is_named_in_words(browser: Client, account: Account, kind: str, words: str) -> None:
    vm = factories.vm(account)
    params = {"vm_id": vm.remote_id, "hostname": "web-9", "ip_id": 12, "ip": "192.0.2.9", "name": "www.example.net"}
    operation = factories.operation(
        account, by=None, origin="outside", kind=kind, state="done", vm_id=vm.remote_id, params=params, subject="web-9"
    )
    page = without_isolation(browser.get(reverse("operation", args=[account.pk, operation.pk])).content.decode())
    assert f"{words} web-9" in page
    assert "192.0.2.9" in page
