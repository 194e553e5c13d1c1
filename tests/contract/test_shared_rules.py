"""The rules that both sides check: each value of one table is asked of the panel and of the provider.

The provider takes a value if its fault, where there is one, is not about the value: most of these calls end at shares,
money or objects that the customer does not have.
"""

import xmlrpc.client
from collections.abc import Callable
from dataclasses import replace

import pytest

from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import AddProduct, CreateDisk, CreateVm, UpdateVm
from hosting.operations.kinds.first_boot import FirstBoot
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.operations.models.rejection import Invalid
from tests.contract.conftest import Member
from tests.provider.rules.test_public_keys import TAKEN

# The last digit of a fault's code: type, syntax, value (contract, Faults).
_ABOUT_THE_VALUE = {10, 20, 30}
VM = CreateVm(hostname="web-1", os_id=111, shares=1, cpu=1, login="admin")
DISK = CreateDisk(size_mb=2048, name="data", fstype="ext3")
PASSWORD = "secret-pass-1"

HOSTNAMES = {
    "web-1": True,
    "WEB-1": True,
    "db.example.org": True,
    "123": True,
    "10.0.0.1": True,
    "a" * 63: True,
    ".".join(["a" * 63] * 3 + ["a" * 61]): True,
    "": False,
    "a" * 64: False,
    ".".join(["a" * 63] * 4): False,
    "-web": False,
    "web-": False,
    "web_1": False,
    "web 1": False,
    "web..1": False,
    "web.": False,
    "w\u00e9b": False,
    "web\u0661": False,
    "web-1\n": False,
}
PASSWORDS = {
    "secret-pass-1": True,
    "abcdefg1": True,
    "a1" * 32: True,
    "p\u00e4ssw\u00f6rd1": True,
    "\u043f\u0430\u0440\u043e\u043b\u044c12": True,
    "with space 1": True,
    "abcdef1": False,
    "a1" * 32 + "a": False,
    "onlyletters": False,
    "12345678": False,
    "": False,
    "tab\tinside1": False,
    "line\ninside1": False,
    "c1\u0085inside1": False,
}
SCRIPTS = {
    "#!/bin/sh\ntrue\n": True,
    "#!/bin/sh\n\techo \u00e9 \U0001f680 \u202e\n": True,
    "#cloud-config\nusers: []": True,
    "#!" + "x" * (16 * 1024 - 2): True,
    "#!" + "x" * (16 * 1024 - 1): False,
    "#!" + "\u00e9" * (8 * 1024): False,
    "true": False,
    "\n#!/bin/sh": False,
    " #!/bin/sh": False,
    "#cloud-config-archive\n": False,
    "#cloud-configuration\n": False,
}
LOGINS = {
    "admin": True,
    "_a-1": True,
    "a" * 32: True,
    "root": False,
    "Admin": False,
    "1a": False,
    "a" * 33: False,
    "a.b": False,
    "admin\n": False,
}
DISK_NAMES = {
    "data": True,
    "a" * 64: True,
    "\u05d0\u05d1 \u4e2d\u6587 \U0001f680": True,
    "": False,
    "a" * 65: False,
    "a" * 255: False,
    "a\nb": False,
    "a\x7fb": False,
}
SIZES = {1024: True, 1025: True, 1_048_576: True, 0: False, -1: False, 1023: False, 1_048_577: False}
MEMORY = {256: True, 2048: True, 65_536: True, 0: False, -1: False, 255: False, 65_537: False}
SHARES = {1: True, 4096: True, 0: False, -1: False, 4097: False}
QUOTAS = {1: True, 4_194_304: True, 0: False, 4_194_305: False}
DURATIONS = {
    "1m": True,
    "60m": True,
    "5y": True,
    "0m": False,
    "61m": False,
    "6y": False,
    "1d": False,
    "01m": False,
    "": False,
}


def create_vm(kind: CreateVm, password: str = PASSWORD) -> Callable[[Member], object]:
    specs = {"login": kind.login}
    return lambda member: member.vm_create(kind.hostname, password, kind.os_id, kind.shares, kind.cpu, specs)


def create_vm_with(first_boot: FirstBoot) -> Callable[[Member], object]:
    specs = {"login": VM.login, "ssh_keys": list(first_boot.ssh_keys), "user_data": first_boot.user_data}
    return lambda member: member.vm_create(VM.hostname, PASSWORD, VM.os_id, VM.shares, VM.cpu, specs)


def create_disk(kind: CreateDisk) -> Callable[[Member], object]:
    return lambda member: member.disk_create({"size": kind.size_mb, "name": kind.name, "fstype": kind.fstype})


def buy(kind: AddProduct) -> Callable[[Member], object]:
    return lambda member: member.hosting_account_product_add(kind.product_name, kind.quantity, kind.duration)


def rename_vm(kind: RenameVm) -> Callable[[Member], object]:
    return lambda member: getattr(member, kind.method)(kind.vm_id, kind.hostname)


def reinstall_vm(kind: ReinstallVm, password: str) -> Callable[[Member], object]:
    return lambda member: getattr(member, kind.method)(kind.vm_id, kind.os_id, password)


def name_address(kind: NameAddress) -> Callable[[Member], object]:
    return lambda member: getattr(member, kind.method)(kind.ip_id, kind.name)


def update_vm(kind: UpdateVm) -> Callable[[Member], object]:
    return lambda member: member.vm_update(kind.vm_id, {"vm_max_memory": kind.vm_max_memory_mb})


Case = tuple[Kind, str, Callable[[Member], object], bool]


def cases() -> list[Case]:
    """The operation as the panel has it with its password, the same call, and whether its value is right."""
    found: list[Case] = []
    named = [(replace(VM, hostname=hostname), right) for hostname, right in HOSTNAMES.items()]
    named += [(replace(VM, login=login), right) for login, right in LOGINS.items()]
    found += [(vm, PASSWORD, create_vm(vm), right) for vm, right in named]
    found += [(VM, password, create_vm(VM, password), right) for password, right in PASSWORDS.items()]
    for number, right in {1: True, 4: True, 0: False, -1: False, 5: False}.items():
        vm = replace(VM, cpu=number, shares=8)
        found.append((vm, PASSWORD, create_vm(vm), right))
    for text, right in SCRIPTS.items():
        first_boot = FirstBoot(PASSWORD, (), text)
        vm = replace(VM, user_data_bytes=first_boot.user_data_bytes)
        found.append((vm, first_boot.packed(), create_vm_with(first_boot), right))
    for line in TAKEN.values():
        first_boot = FirstBoot(PASSWORD, (f"{line} me@example.org",))
        vm = replace(VM, ssh_keys=dict.fromkeys(first_boot.fingerprints, "a key"))
        found.append((vm, first_boot.packed(), create_vm_with(first_boot), True))
    found.append((replace(VM, cpu=2), PASSWORD, create_vm(replace(VM, cpu=2)), False))
    for name, right in DISK_NAMES.items():
        found.append((replace(DISK, name=name), "", create_disk(replace(DISK, name=name)), right))
    for size, right in SIZES.items():
        found.append((replace(DISK, size_mb=size), "", create_disk(replace(DISK, size_mb=size)), right))
    for fstype, right in {"ext3": True, "jfs": True, "ext4": False, "": False, "EXT3": False}.items():
        found.append((replace(DISK, fstype=fstype), "", create_disk(replace(DISK, fstype=fstype)), right))
    for name, quantities in (("shares", SHARES), ("shares_fixed", SHARES), ("disk", QUOTAS), ("gold", {1: False})):
        for quantity, right in quantities.items():
            product = AddProduct(name, quantity, "1m")
            found.append((product, "", buy(product), right))
    for duration, right in DURATIONS.items():
        product = AddProduct("shares", 1, duration)
        found.append((product, "", buy(product), right))
    for hostname, right in HOSTNAMES.items():
        rename, reverse = RenameVm(999_999, hostname), NameAddress(999_999, 999_999, hostname)
        found.append((rename, "", rename_vm(rename), right))
        # Without a name, an address has that of its server.
        found.append((reverse, "", name_address(reverse), right or not hostname))
    for password, right in PASSWORDS.items():
        reinstall = ReinstallVm(999_999, 111)
        found.append((reinstall, password, reinstall_vm(reinstall, password), right))
    for mb, right in MEMORY.items():
        update = UpdateVm(999_999, vm_max_memory_mb=mb)
        found.append((update, "", update_vm(update), right))
    return found


@pytest.fixture
def poor(member: Member) -> Member:
    """A customer with one share, so that next to nothing of this is carried out."""
    member.buy(1)
    return member


def test_panel_and_provider_take_the_same_values(poor: Member) -> None:
    wrong = []
    for kind, password, call, right in cases():
        if (panel_takes(kind, password), provider_takes(poor, call)) != (right, right):
            wrong.append((kind, password, right, panel_takes(kind, password), provider_takes(poor, call)))
    assert not wrong


def panel_takes(kind: Kind, password: str) -> bool:
    try:
        kind.validate(password)
    except Invalid:
        return False
    return True


def provider_takes(member: Member, call: Callable[[Member], object]) -> bool:
    try:
        call(member)
    except xmlrpc.client.Fault as fault:
        return fault.faultCode % 100 not in _ABOUT_THE_VALUE
    return True


# The specification's own sample has no digit (docs/decisions/0024-password-rule-of-the-provider.md), and names that
# nobody could read are not for people to choose (hosting/teams/names.py).
STRICTER: list[tuple[Kind, str, Callable[[Member], object]]] = [
    (VM, "my_password", create_vm(VM, "my_password")),
    *((replace(DISK, name=name), "", create_disk(replace(DISK, name=name))) for name in (" ", "a\u202eb", "a\x9bb")),
]


@pytest.mark.parametrize(("kind", "password", "call"), STRICTER)
def test_what_the_panel_alone_refuses(
    poor: Member, kind: Kind, password: str, call: Callable[[Member], object]
) -> None:
    assert not panel_takes(kind, password)
    assert provider_takes(poor, call)
