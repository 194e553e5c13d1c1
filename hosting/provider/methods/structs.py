"""Rows as the structs that the API answers with."""

import math
from typing import Any

from django.utils import timezone

from hosting.provider.engine import address_pools
from hosting.provider.engine.effects import terms_of
from hosting.provider.models import Disk, Operation, OsImage, Product, Vm
from hosting.provider.rules import products, values
from hosting.provider.wire import date

# What `vm_struct` reads along with a VM beside its `os` and disks.
INTERFACE = ("interface__ipv4", "interface__ipv6")


def disk_struct(disk: Disk) -> dict[str, Any]:
    return {
        "id": disk.pk,
        "name": disk.name,
        "label": disk.name,
        "size": disk.size,
        "fstype": disk.fstype,
        "type": disk.type,
        "state": disk.state,
        "is_boot_disk": disk.position == 0,
        "vms_id": [disk.vm_id] if disk.vm_id else [],
        "can_snapshot": False,
        "date_created": date(disk.date_created),
        "date_updated": date(disk.date_updated),
    }


def link_struct(vm: Vm, disk: Disk) -> dict[str, Any]:
    """How `disk` is attached to `vm`."""
    position = disk.position or 0
    return {
        "vm_id": vm.pk,
        "disk_id": disk.pk,
        "position": position,
        "device": values.DEVICE.format(letter=chr(ord("a") + position)),
        "is_boot_disk": position == 0,
    }


def vm_struct(vm: Vm) -> dict[str, Any]:
    """`vm` with its disks in position order and its network interfaces. Memory and sizes in MB."""
    # In Python, so that disks that were read along cost no query.
    disks = sorted(vm.disks.all(), key=lambda disk: (disk.position or 0, disk.pk))
    interface = getattr(vm, "interface", None)
    return {
        "id": vm.pk,
        "hostname": vm.hostname,
        "state": vm.state,
        "description": vm.description,
        "os_id": vm.os_id,
        "os_label": vm.os.label,
        "shares": vm.shares,
        "flex_shares": 0,
        "cores": vm.cores,
        "memory": min(vm.shares * values.SHARE_MEMORY_MB, vm.vm_max_memory),
        "vm_max_memory": vm.vm_max_memory,
        "console": f"console-{vm.pk}",
        "disks_id": [disk.pk for disk in disks],
        "disks": [disk_struct(disk) for disk in disks],
        "ifaces": [
            {
                "id": interface.pk,
                "type": "public",
                "bandwidth": vm.shares * values.SHARE_BANDWIDTH_KBIT,
                "ips": [
                    {
                        "id": ip_id,
                        "ip": address.ip,
                        "version": version,
                        "reverse": address.reverse or vm.hostname,
                    }
                    for version, (ip_id, address) in zip(
                        (4, 6), address_pools.addresses(interface).items(), strict=True
                    )
                ],
            }
        ]
        if interface
        else [],
        "date_created": date(vm.date_created),
        "date_updated": date(vm.date_updated),
        # Beside version 1: why it is paused.
        **({"shares_ended": date(vm.shares_ended)} if vm.shares_ended else {}),
    }


def product_struct(product: Product) -> dict[str, Any]:
    """`product` with the reasons that keep it from being changed now."""
    now = timezone.now()
    terms = terms_of(product)
    in_redemption = product.date_end <= now

    def errors(kind: str) -> list[str]:
        return products.why_not(kind, product.product_name, terms, now)

    return {
        "id": product.pk,
        "product_name": product.product_name,
        "quantity": product.quantity,
        "duration": product.duration,
        "date_created": date(product.date_created),
        "date_end": date(product.date_end),
        "autorenew": product.autorenew,
        "can_release": product.product_name not in values.FIXED_PRODUCTS,
        "is_in_redemption": in_redemption,
        "redemption": values.REDEMPTION.days,
        "errors_for_updating": errors(products.UPDATE),
        "errors_for_renewing": errors(products.RENEW),
        "errors_for_removing": errors(products.REMOVE),
        "errors_for_releasing": errors(products.REMOVE),
    }


def operation_struct(operation: Operation) -> dict[str, Any]:
    """`operation`; `eta` in seconds, 0 once it has ended."""
    eta = 0
    if operation.state in Operation.OPEN and operation.date_expected:
        eta = max(0, math.ceil((operation.date_expected - timezone.now()).total_seconds()))
    return {
        "id": operation.pk,
        "type": operation.type,
        "state": operation.state,
        "step": operation.step,
        "source": operation.source.handle,
        "vm_id": operation.vm_id or "",
        "disk_id": operation.disk_id or "",
        "product_id": operation.product_id or "",
        "params": operation.params,
        "eta": eta,
        "last_error": operation.last_error,
        "date_created": date(operation.date_created),
        "date_start": date(operation.date_start),
        "date_updated": date(operation.date_updated),
    }


def os_struct(image: OsImage) -> dict[str, Any]:
    return {
        "os_id": image.pk,
        "label": image.label,
        "arch": image.arch,
        "family": image.family,
        "kernel_version": image.kernel_version,
        "min_disk": image.min_disk,
        "visibility": image.visibility,
    }
