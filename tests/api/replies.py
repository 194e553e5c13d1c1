"""One valid reply for each method of the contract, as plain values, and how each method is called."""

import xmlrpc.client
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hosting.api import (
    Client,
    Disk,
    DiskLink,
    HostingAccount,
    OperationDetails,
    OperationFilter,
    OsImage,
    Vm,
)

NOON = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
SESSION = "s3ss10n-<id>&\"quoted\"-'x'"
PASSWORD = "p4ss<word>&\"é\\'zz"

_date = xmlrpc.client.DateTime("20260304T12:00:00")
DISK: dict[str, object] = {
    "id": 7, "name": "disk2GB", "label": "disk2GB", "size": 2048, "fstype": "ext3", "type": "data",
    "state": "attached", "is_boot_disk": False, "vms_id": [5], "can_snapshot": True, "date_created": _date,
    "date_updated": "",
}  # fmt: skip
VM: dict[str, object] = {
    "id": 5, "hostname": "vmtest1", "state": "running", "description": "", "os_id": 111,
    "os_label": "Debian 12", "shares": 4, "flex_shares": 2, "cores": 1, "memory": 1024,
    "vm_max_memory": 2048, "console": "",
    "disks_id": [6, 7], "disks": [{**DISK, "id": 6, "type": "system", "is_boot_disk": True}, DISK],
    "ifaces": [{
        "id": 1, "type": "public", "bandwidth": 5120.0,
        "ips": [
            {"id": 1, "ip": "192.0.2.7", "version": 4, "reverse": "vm5.example"},
            {"id": 2, "ip": "2001:db8::7", "version": 6, "reverse": ""},
        ],
    }],
    "date_created": _date, "date_updated": _date,
}  # fmt: skip
AMOUNTS: dict[str, object] = {
    "shares": 4, "servers": 4, "memory": 1024, "cores": 1.0, "disk": 32768, "bandwidth": 20480.0, "ips": 4,
    "slots": 2.668,
}  # fmt: skip
ACCOUNT: dict[str, object] = {
    "id": 1, "handle": "AA1234-GANDI", "fullname": "Ada Ärmel",
    "share_definition": {
        "servers": 1, "memory": 256, "cores": 0.25, "disk": 8192, "bandwidth": 5120.0, "slots": 0.667,
    },
    "products": [{
        "id": 3, "product_name": "shares", "quantity": 4, "duration": "1m",
        "date_created": _date, "date_end": _date, "autorenew": True, "can_release": False,
        "is_in_redemption": False, "redemption": 7,
        "errors_for_updating": [], "errors_for_renewing": [], "errors_for_removing": ["in use"],
        "errors_for_releasing": [],
    }],
    "resources": {"granted": AMOUNTS, "used": AMOUNTS, "available": AMOUNTS, "expired": AMOUNTS},
}  # fmt: skip
OPERATION: dict[str, object] = {
    "id": 900, "type": "vm_create", "state": "RUN", "step": "RUN", "source": "AA1234-GANDI", "vm_id": 5,
    "disk_id": "", "product_id": "", "params": {"hostname": "vmtest1", "shares": 4}, "eta": 30,
    "last_error": "", "date_created": _date, "date_start": _date, "date_updated": _date,
}  # fmt: skip
OS: dict[str, object] = {
    "os_id": 111, "label": "Debian 12", "arch": "x86-64", "family": "debian", "kernel_version": "6.1",
    "min_disk": 3072, "visibility": "all",
}  # fmt: skip
LINK: dict[str, object] = {
    "vm_id": 5,
    "disk_id": 7,
    "position": 1,
    "device": "/dev/xvdb",
    "is_boot_disk": False,
}

FILTER = OperationFilter(type="vm_create", state="ALL", created_after=NOON, param={"hostname": "vmtest1"})
_S = SESSION

METHODS: list[tuple[str, Callable[[Client], object], tuple[object, ...], object, Any]] = [
    ("account_currency", lambda c: c.account_currency(), (_S,), "EUR", str),
    ("account_balance", lambda c: c.account_balance(), (_S,), 12.5, Decimal),
    ("hosting_account_info", lambda c: c.hosting_account_info(), (_S,), ACCOUNT, HostingAccount),
    (
        "hosting_account_product_add",
        lambda c: c.hosting_account_product_add("shares", 4, "1m"),
        (_S, "shares", 4, "1m"),
        900,
        int,
    ),
    (
        "hosting_account_product_renew",
        lambda c: c.hosting_account_product_renew(1234, "1m"),
        (_S, 1234, "1m"),
        900,
        int,
    ),
    ("hosting_account_product_remove", lambda c: c.hosting_account_product_remove(3), (_S, 3), 900, int),
    (
        "hosting_account_product_update",
        lambda c: c.hosting_account_product_update(3, 5),
        (_S, 3, 5),
        900,
        int,
    ),
    (
        "vm_create",
        lambda c: c.vm_create("vmtest1", PASSWORD, 111, 4, 1, login="gandi"),
        (_S, "vmtest1", PASSWORD, 111, 4, 1, {"login": "gandi"}),
        5,
        int,
    ),
    (
        "vm_create",
        lambda c: c.vm_create("v", PASSWORD, 111, 4, 1, login="gandi", ssh_keys=("ssh-rsa A",), user_data="#!/bin/sh"),
        (_S, "v", PASSWORD, 111, 4, 1, {"login": "gandi", "ssh_keys": ["ssh-rsa A"], "user_data": "#!/bin/sh"}),
        5,
        int,
    ),
    ("vm_info", lambda c: c.vm_info(5), (_S, 5), VM, Vm),
    ("vm_list", lambda c: c.vm_list(), (_S,), [5, 8, 13], list[int]),
    (
        "vm_update",
        lambda c: c.vm_update(5, shares=5, cpu=2, vm_max_memory_mb=4096),
        (_S, 5, {"shares": 5, "cpu": 2, "vm_max_memory": 4096}),
        900,
        int,
    ),
    ("vm_delete", lambda c: c.vm_delete(5), (_S, 5), 900, int),
    ("vm_start", lambda c: c.vm_start(5), (_S, 5), 900, int),
    ("vm_stop", lambda c: c.vm_stop(5), (_S, 5), 900, int),
    ("vm_reboot", lambda c: c.vm_reboot(5), (_S, 5), 900, int),
    ("vm_disk_list", lambda c: c.vm_disk_list(5), (_S, 5), [6, 7], list[int]),
    ("vm_disk_link", lambda c: c.vm_disk_link(5, 7), (_S, 5, 7), LINK, DiskLink),
    (
        "disk_create",
        lambda c: c.disk_create(size_mb=2048, name="disk2GB", fstype="ext3"),
        (_S, {"size": 2048, "name": "disk2GB", "fstype": "ext3"}),
        7,
        int,
    ),
    ("disk_info", lambda c: c.disk_info(7), (_S, 7), DISK, Disk),
    ("disk_list", lambda c: c.disk_list(), (_S,), [6, 7], list[int]),
    ("disk_delete", lambda c: c.disk_delete(7), (_S, 7), 900, int),
    ("disk_attach", lambda c: c.disk_attach(7, 5), (_S, 7, 5), 900, int),
    ("disk_detach", lambda c: c.disk_detach(7, 5), (_S, 7, 5), 900, int),
    (
        "operation_list",
        lambda c: c.operation_list(FILTER),
        (
            _S,
            {
                "type": "vm_create",
                "state": "ALL",
                "created_after": NOON.replace(tzinfo=None),
                "param": {"hostname": "vmtest1"},
            },
        ),
        [901, 900],
        list[int],
    ),
    ("operation_details", lambda c: c.operation_details(900), (_S, 900), OPERATION, OperationDetails),
    ("operation_cancel", lambda c: c.operation_cancel(900), (_S, 900), True, bool),
    ("os_list", lambda c: c.os_list(), (_S,), [OS, {**OS, "os_id": 112}], list[OsImage]),
]
"""Name, call, parameters on the wire, plain reply, type of the result; `login` and `su` are tested apart."""
