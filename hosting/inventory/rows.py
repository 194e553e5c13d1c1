"""Convert the API's structs to the mirror's columns. Pure.

Names of states and types are kept whole, also unknown ones (`api.fields.LONGEST_NAME`); long texts are cut.
"""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from hosting import api
from hosting.inventory.capacity import Amounts


def vm(struct: api.Vm, read_at: datetime) -> dict[str, Any]:
    return {
        "remote_id": struct.id,
        "read_at": read_at,
        "hostname": struct.hostname[:255],
        "state": struct.state,
        "description": struct.description,
        "os_id": struct.os_id,
        "os_label": struct.os_label[:200],
        "shares": struct.shares,
        "flex_shares": struct.flex_shares,
        "cores": struct.cores,
        "memory_mb": struct.memory_mb,
        "vm_max_memory_mb": struct.vm_max_memory_mb,
        "console": struct.console[:255],
        "ifaces": [
            {
                "id": iface.id,
                "type": iface.type,
                "bandwidth_kbps": iface.bandwidth_kbps,
                "ips": [{"id": ip.id, "ip": ip.ip, "version": ip.version, "reverse": ip.reverse} for ip in iface.ips],
            }
            for iface in struct.ifaces
        ],
        "date_created": struct.date_created,
        "date_updated": struct.date_updated,
        "shares_ended": struct.shares_ended,
    }


def disk(struct: api.Disk, read_at: datetime) -> dict[str, Any]:
    """Without `position`, which only the server's list of disks tells."""
    return {
        "remote_id": struct.id,
        "read_at": read_at,
        "name": struct.name[:255],
        "label": struct.label[:255],
        "size_mb": struct.size_mb,
        "fstype": struct.fstype,
        "type": struct.type,
        "state": struct.state,
        "is_boot_disk": struct.is_boot_disk,
        "can_snapshot": struct.can_snapshot,
        "vm_remote_id": struct.vms_id[0] if struct.vms_id else None,
        "date_created": struct.date_created,
        "date_updated": struct.date_updated,
    }


def product(struct: api.Product, read_at: datetime) -> dict[str, Any]:
    return {
        "remote_id": struct.id,
        "read_at": read_at,
        "product_name": struct.product_name,
        "quantity": struct.quantity,
        "duration": struct.duration,
        "date_created": struct.date_created,
        "date_end": struct.date_end,
        "autorenew": struct.autorenew,
        "can_release": struct.can_release,
        "is_in_redemption": struct.is_in_redemption,
        "redemption_days": struct.redemption_days,
        "errors": {
            action: list(getattr(struct, f"errors_for_{action}"))
            for action in ("updating", "renewing", "removing", "releasing")
        },
    }


def os_image(struct: api.OsImage, read_at: datetime) -> dict[str, Any]:
    return {
        "remote_id": struct.os_id,
        "read_at": read_at,
        "label": struct.label[:200],
        "arch": struct.arch,
        "family": struct.family[:50],
        "kernel_version": struct.kernel_version[:100],
        "min_disk_mb": struct.min_disk_mb,
        "visibility": struct.visibility[:50],
    }


def info(struct: api.HostingAccount, read_at: datetime) -> dict[str, Any]:
    """The columns of `AccountInfo`, without balance and currency, which are read by other calls."""
    share = struct.share_definition
    return {
        "handle": struct.handle[:100],
        "fullname": struct.fullname[:200],
        "read_at": read_at,
        "share_definition": Amounts(
            shares=1,
            servers=share.servers,
            memory_mb=share.memory_mb,
            cores=share.cores,
            disk_mb=share.disk_mb,
            bandwidth_kbps=share.bandwidth_kbps,
            slots=share.slots,
        ).as_json(),
        **{name: amounts(getattr(struct, name)).as_json() for name in ("granted", "used", "available", "expired")},
    }


def amounts(struct: api.Resources) -> Amounts:
    values = asdict(struct)
    values.pop("extra", None)
    return Amounts(**values)
