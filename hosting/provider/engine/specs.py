"""What is wanted, made from the rows: the `Work` of an operation, and its VM as it was and as it is to be."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from ipaddress import ip_network
from uuid import NAMESPACE_URL, UUID, uuid5

from cryptography.fernet import InvalidToken
from django.conf import settings

from hosting.provider.drivers.base import CannotDo, DiskSpec, HostRef, ImageRef, NicSpec, VmSpec, Work
from hosting.provider.engine import effects, projection
from hosting.provider.models import Disk, Host, Installation, Interface, Operation, OsImage, Vm
from hosting.provider.rules import values
from hosting.provider.sealing import unseal

# What `work_of` and `host_of` read along with an operation.
RELATED = (
    "account__handle",
    "product",
    "vm__host",
    "vm__interface__ipv4__pool",
    "vm__interface__ipv6__pool",
    "disk__host",
    "disk__os",
)

NOT_READABLE = "The password can no longer be read. Reinstall the server, with a new password."

# What makes a VM on its host that was not there before.
MAKES_VMS = ("vm_create", "vm_start")


@cache
def installation() -> str:
    """The token of this installation; its row is made by a migration."""
    return Installation.objects.get().token


def guest_uuid(vm_id: int) -> UUID:
    """The name of a VM's guest on whatever host. It does not change as long as the database lives."""
    return uuid5(NAMESPACE_URL, f"sharedeck:{installation()}:{vm_id}")


def host_of(operation: Operation) -> Host | None:
    """The host that carries the operation out; None for what changes rows alone."""
    if operation.type == values.REVERSE:
        return None
    if operation.vm:
        return operation.vm.host if operation.vm.made or operation.type in MAKES_VMS else None
    return operation.disk.host if operation.disk else None


def host_ref(host: Host) -> HostRef:
    return HostRef(host.pk, host.name, host.uri, host.pool, host.bridge, host.emulated, installation())


def password_of(operation: Operation) -> str:
    """The secret that its driver needs: the operation's own, or that of a new installation for its first start.

    Raises:
        CannotDo: it can't be read any more, because the provider's key is another one.
    """
    starts = operation.vm if operation.type == "vm_start" else None
    return _readable(starts.sealed_password if starts else operation.sealed_password)


def user_data_of(operation: Operation) -> str:
    """What a new VM runs at its first boot, which may hold secrets too.

    Raises:
        CannotDo: it can't be read any more, because the provider's key is another one.
    """
    return _readable(operation.sealed_user_data)


def _readable(sealed: str) -> str:
    try:
        return unseal(sealed)
    except InvalidToken:
        raise CannotDo(NOT_READABLE) from None


def work_of(operation: Operation, host: Host, password: str = "", user_data: str = "") -> Work:
    """The operation as its driver sees it."""
    before, after = _vm_specs(operation)
    if after and user_data:
        after = replace(after, user_data=user_data)
    return Work(
        operation_id=operation.pk,
        type=operation.type,
        host=host_ref(host),
        before=before,
        after=after,
        disk=_disk_wanted(operation, before),
        started=operation.date_start or operation.date_created,
        password=password,
        scripted_failure=operation.scripted_failure,
    )


def _vm_specs(operation: Operation) -> tuple[VmSpec | None, VmSpec | None]:
    """The VM before the operation and after it. Until it is done, the rows say what was before."""
    vm = operation.vm
    if vm is None:
        return None, None
    now = vm_spec(vm)
    match operation.type:
        case "vm_create":
            return None, now
        case "vm_delete":
            return now, None
        case "vm_update":
            view = projection.vm_updated(projection.vm_now(vm), operation.params)
            return now, _sized(now, view.shares, view.cores, view.vm_max_memory)
        case "disk_attach" if operation.disk:
            there = tuple(disk for disk in now.disks if disk.id != operation.disk_id)
            place = effects.free_position(vm, operation.disk)
            return now, replace(now, disks=_in_order((*there, _disk_spec(operation.disk, place))))
        case "disk_detach":
            return now, replace(now, disks=tuple(disk for disk in now.disks if disk.id != operation.disk_id))
        case values.RENAME:
            return now, replace(now, hostname=operation.params["hostname"])
        case values.REINSTALL:
            image = _image(OsImage.objects.get(pk=operation.params["os_id"]))
            anew = (_made_anew(disk, image) if disk.id == operation.disk_id else disk for disk in now.disks)
            return now, replace(now, disks=_in_order(anew))
    return now, now


def _made_anew(disk: DiskSpec, image: ImageRef | None) -> DiskSpec:
    return replace(disk, image=image, generation=disk.generation + 1, made=False)


def _disk_wanted(operation: Operation, before: VmSpec | None) -> DiskSpec | None:
    """The disk of a disk operation. That of a `vm_create` or a new installation is one of the VM's."""
    disk = operation.disk
    if disk is None or operation.type in {"vm_create", values.REINSTALL}:
        return None
    attached = operation.type == "disk_attach" and operation.vm is not None
    return _disk_spec(disk, effects.free_position(operation.vm, disk) if attached and operation.vm else None)


def vm_spec(vm: Vm) -> VmSpec:
    """The VM as its row says that it is."""
    spec = VmSpec(
        id=vm.pk,
        uuid=guest_uuid(vm.pk),
        hostname=vm.hostname,
        shares=0,
        cores=0,
        memory_mb=0,
        max_memory_mb=0,
        disks=_in_order(_disk_spec(disk, disk.position) for disk in vm.disks.all()),
        nic=_nic_spec(vm),
        login=vm.login,
        ssh_keys=tuple(vm.ssh_keys),
    )
    return _sized(spec, vm.shares, vm.cores, vm.vm_max_memory)


def _sized(spec: VmSpec, shares: int, cores: int, max_memory_mb: int) -> VmSpec:
    """The guest with what it gets for its shares."""
    return replace(
        spec,
        shares=shares,
        cores=cores,
        memory_mb=min(shares * values.SHARE_MEMORY_MB, max_memory_mb),
        max_memory_mb=max_memory_mb,
        nic=replace(spec.nic, kbit=int(shares * values.SHARE_BANDWIDTH_KBIT)) if spec.nic else None,
    )


def _nic_spec(vm: Vm) -> NicSpec | None:
    interface: Interface | None = getattr(vm, "interface", None)
    if interface is None:
        return None
    return NicSpec(
        mac=_mac(guest_uuid(vm.pk)),
        ipv4=interface.ipv4.ip,
        ipv6=interface.ipv6.ip,
        prefix4=ip_network(interface.ipv4.pool.cidr).prefixlen,
        prefix6=ip_network(interface.ipv6.pool.cidr).prefixlen,
        gateway4=interface.ipv4.pool.gateway,
        gateway6=interface.ipv6.pool.gateway,
        dns=tuple(settings.PROVIDER_DNS),
    )


def _mac(uuid: UUID) -> str:
    """A locally administered address that stays with the guest, on whatever host and bridge it is."""
    return "52:" + hashlib.sha256(uuid.bytes).digest()[:5].hex(":")


def _disk_spec(disk: Disk, position: int | None) -> DiskSpec:
    return DiskSpec(
        id=disk.pk,
        size_mb=disk.size,
        fstype=disk.fstype,
        label=disk.name,
        kind="system" if disk.type == Disk.Type.SYSTEM else "data",
        position=position,
        image=_image(disk.os) if disk.os else None,
        made=disk.made,
        generation=disk.generation,
    )


def _image(os: OsImage) -> ImageRef | None:
    return ImageRef(os.file, os.sha256, os.min_disk, os.agent) if os.file else None


def _in_order(disks: Iterable[DiskSpec]) -> tuple[DiskSpec, ...]:
    return tuple(sorted(disks, key=lambda disk: (disk.position or 0, disk.id)))
