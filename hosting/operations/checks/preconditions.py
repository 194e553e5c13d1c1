"""Check an operation against the mirror: the object exists, its state allows it, and shares and disk suffice.

The provider checks all of this again. Checking here first saves a refusal, and names the form field to correct.
"""

from dataclasses import dataclass
from functools import singledispatch
from typing import TypeVar

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.inventory.models import Disk, MirrorRow, OsImage, Product, Vm
from hosting.operations.capacity.overview import overview
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.server_changes import NameAddress, ReinstallVm, RenameVm
from hosting.operations.models.rejection import NotEnough, WrongState
from hosting.teams.ssh_keys import managing as ssh_keys

Row = TypeVar("Row", bound=MirrorRow)
# States in which a server's names can change.
_CHANGEABLE = (Vm.State.RUNNING, Vm.State.HALTED, Vm.State.PAUSED)


@dataclass(frozen=True)
class Checked:
    """An operation that passed: the name of its object, what it reserves, and the current quantity of its product."""

    subject: str
    shares: int = 0
    disk_mb: int = 0
    quantity: int | None = None


@singledispatch
def check(kind: Kind, account: Account) -> Checked:
    """Check an operation against the mirror.

    Raises:
        WrongState: the object is gone, or in another state.
        NotEnough: not enough free shares or disk.
    """
    raise TypeError(f"no precondition for {kind.method}")


@check.register
def _add_product(kind: catalogue.AddProduct, account: Account) -> Checked:
    if kind.product_name not in Product.Name.values:
        raise WrongState(_("This product doesn't exist."), field="product_name")
    return Checked(f"{Product.Name(kind.product_name).label} × {kind.quantity}", quantity=kind.quantity)


@check.register
def _renew_product(kind: catalogue.RenewProduct, account: Account) -> Checked:
    return _product(account, kind.product_id, "renewing")


@check.register
def _update_product(kind: catalogue.UpdateProduct, account: Account) -> Checked:
    return _product(account, kind.product_id, "updating")


@check.register
def _remove_product(kind: catalogue.RemoveProduct, account: Account) -> Checked:
    return _product(account, kind.product_id, "removing")


@check.register
def _create_vm(kind: catalogue.CreateVm, account: Account) -> Checked:
    image = OsImage.objects.filter(account=account, remote_id=kind.os_id).first()
    if image is None:
        raise WrongState(_("This operating system is no longer available. Choose another one."), field="os_id")
    _require_first_boot(kind, account)
    _require_capacity(account, kind.shares, image.min_disk_mb)
    return Checked(kind.hostname, kind.shares, image.min_disk_mb)


def _require_first_boot(kind: catalogue.CreateVm, account: Account) -> None:
    """Require that the provider takes what the server is to get, and that nobody has removed one of its SSH keys."""
    if kind.ssh_keys and not extensions.has(account.endpoint, extensions.SSH_KEYS):
        raise WrongState(_("This provider doesn't take SSH keys."), field="ssh_keys")
    if kind.user_data_bytes and not extensions.has(account.endpoint, extensions.USER_DATA):
        raise WrongState(_("This provider doesn't take first-boot scripts."), field="user_data")
    if gone := ssh_keys.missing(kind.ssh_keys, account.team_id):
        names = {"names": [kind.ssh_keys[fingerprint] for fingerprint in sorted(gone)]}
        raise WrongState(_("These SSH keys have been removed: %(names)s."), names=names, field="ssh_keys")


@check.register
def _update_vm(kind: catalogue.UpdateVm, account: Account) -> Checked:
    vm = _vm(account, kind.vm_id, Vm.State.RUNNING, Vm.State.HALTED)
    checked = check_size(kind, vm, account)
    if refusal := why_stop_first(kind, vm, account):
        raise refusal
    return checked


@check.register
def _delete_vm(kind: catalogue.DeleteVm, account: Account) -> Checked:
    return Checked(_vm(account, kind.vm_id, Vm.State.HALTED, Vm.State.INVALID).hostname)


@check.register
def _start_vm(kind: catalogue.StartVm, account: Account) -> Checked:
    vm = _vm(account, kind.vm_id, Vm.State.HALTED, Vm.State.PAUSED)
    if vm.shares_ended and not _fits_again(vm, account):
        raise NotEnough(_("The shares of this server have ended. Renew them, or buy others, to resume it."))
    return Checked(vm.hostname)


def _fits_again(vm: Vm, account: Account) -> bool:
    """Whether there are shares for a server that was paused because its shares had ended."""
    capacity = overview(account)
    running = Vm.objects.filter(account=account, state__in=(Vm.State.RUNNING, Vm.State.BEING_CREATED))
    taken = running.aggregate(shares=Sum("shares"))["shares"] or 0
    return capacity is not None and taken + vm.shares <= capacity.granted.shares


@check.register
def _stop_vm(kind: catalogue.StopVm, account: Account) -> Checked:
    return Checked(_vm(account, kind.vm_id, Vm.State.RUNNING).hostname)


@check.register
def _reboot_vm(kind: catalogue.RebootVm, account: Account) -> Checked:
    return Checked(_vm(account, kind.vm_id, Vm.State.RUNNING).hostname)


@check.register
def _rename_vm(kind: RenameVm, account: Account) -> Checked:
    vm = _vm(account, kind.vm_id, *_CHANGEABLE)
    if vm.hostname == kind.hostname:
        raise WrongState(_("The server already has this name."), field="hostname")
    return Checked(vm.hostname)


@check.register
def _reinstall_vm(kind: ReinstallVm, account: Account) -> Checked:
    vm = _vm(account, kind.vm_id, Vm.State.HALTED)
    image = OsImage.objects.filter(account=account, remote_id=kind.os_id).first()
    if image is None:
        raise WrongState(_("This operating system is no longer available. Choose another one."), field="os_id")
    disk = Disk.objects.filter(account=account, vm_remote_id=vm.remote_id, is_boot_disk=True).first()
    if disk is None:
        raise WrongState(_("The server has no system disk. Attach one first."))
    if image.min_disk_mb > disk.size_mb:
        raise WrongState(
            _("This operating system needs %(needed)d MB, and the system disk has %(size)d MB. Choose another one.")
            % {"needed": image.min_disk_mb, "size": disk.size_mb},
            field="os_id",
        )
    return Checked(vm.hostname)


@check.register
def _name_address(kind: NameAddress, account: Account) -> Checked:
    vm = _vm(account, kind.vm_id, *_CHANGEABLE)
    if vm.address(kind.ip_id) is None:
        raise WrongState(_("The server no longer has this address."))
    return Checked(vm.hostname)


@check.register
def _create_disk(kind: catalogue.CreateDisk, account: Account) -> Checked:
    _require_capacity(account, 0, kind.size_mb, disk_field="size_mb")
    return Checked(kind.name, disk_mb=kind.size_mb)


@check.register
def _delete_disk(kind: catalogue.DeleteDisk, account: Account) -> Checked:
    return Checked(_disk(account, kind.disk_id, Disk.State.CREATED, Disk.State.ERROR).name)


@check.register
def _attach_disk(kind: catalogue.AttachDisk, account: Account) -> Checked:
    disk = _disk(account, kind.disk_id, Disk.State.CREATED)
    vm = _vm(account, kind.vm_id, Vm.State.RUNNING, Vm.State.HALTED)
    return Checked(f"{disk.name} → {vm.hostname}")


@check.register
def _detach_disk(kind: catalogue.DetachDisk, account: Account) -> Checked:
    disk = _disk(account, kind.disk_id, Disk.State.ATTACHED)
    if disk.vm_remote_id != kind.vm_id:
        raise WrongState(_("This disk isn't attached to that server."))
    vm = _vm(account, kind.vm_id, *((Vm.State.HALTED,) if disk.type == "system" else Vm.State))
    return Checked(f"{disk.name} ← {vm.hostname}")


def why_not(product: Product, action: str) -> str:
    """Why a product can't be changed now, from the entries for `action` in its `errors`; empty when it can."""
    if product.product_name == Product.Name.SHARES_FIXED and action != "renewing":
        return _("Fixed shares can only be renewed.")
    # The provider has two names for releasing a product.
    actions = ("removing", "releasing") if action == "removing" else (action,)
    reasons = [str(reason) for name in actions for reason in product.errors.get(name, [])]
    if action == "removing" and not product.can_release and not reasons:
        return _("This product can't be released.")
    return "; ".join(dict.fromkeys(reasons))


def _product(account: Account, remote_id: int, action: str) -> Checked:
    product = _row(Product, account, remote_id, _("This product no longer exists."))
    if reason := why_not(product, action):
        raise WrongState(reason)
    label = dict(Product.Name.choices).get(product.product_name, product.product_name)
    return Checked(f"{label} × {product.quantity}", quantity=product.quantity)


def _vm(account: Account, remote_id: int, *allowed: str) -> Vm:
    """The server. In a state that is not known here the provider decides whether the operation is possible."""
    vm = _row(Vm, account, remote_id, _("This server no longer exists."))
    if vm.is_state_known and vm.state not in allowed:
        raise WrongState(
            _("The server is “%(state)s”. It must be “%(allowed)s” for this operation.")
            % {
                "state": vm.get_state_display(),
                "allowed": _(" or ").join(str(Vm.State(name).label) for name in allowed),
            }
        )
    return vm


def _disk(account: Account, remote_id: int, *allowed: str) -> Disk:
    """The disk, as `_vm`."""
    disk = _row(Disk, account, remote_id, _("This disk no longer exists."))
    if disk.is_state_known and disk.state not in allowed:
        raise WrongState(
            _("The disk is “%(state)s”. It must be “%(allowed)s” for this operation.")
            % {
                "state": disk.get_state_display(),
                "allowed": _(" or ").join(str(Disk.State(name).label) for name in allowed),
            }
        )
    return disk


def _row(model: type[Row], account: Account, remote_id: int, gone: str) -> Row:
    row: Row | None = model._default_manager.filter(account=account, remote_id=remote_id).first()
    if row is None:
        raise WrongState(gone)
    return row


def check_size(kind: catalogue.UpdateVm, vm: Vm, account: Account) -> Checked:
    """Check the new size of a server, whether it is running or not.

    Raises:
        WrongState: more CPUs than shares.
        NotEnough: not enough free shares.
    """
    shares = vm.shares if kind.shares is None else kind.shares
    cores = vm.cores if kind.cpu is None else kind.cpu
    if cores > shares:
        raise WrongState(_("A server can have at most one CPU per share."), field="cpu")
    more_shares = max(0, shares - vm.shares)
    _require_capacity(account, more_shares, 0)
    return Checked(vm.hostname, more_shares)


def why_stop_first(kind: catalogue.UpdateVm, vm: Vm, account: Account) -> WrongState | None:
    """The rejection of a resize that needs a stopped server; None when the server may keep running.

    More memory than `vm_max_memory_mb`, or another `vm_max_memory_mb`, needs a stopped server (contract, VMs).
    """
    if vm.state == Vm.State.HALTED:
        return None
    if kind.vm_max_memory_mb not in (None, vm.vm_max_memory_mb):
        return WrongState(
            _("The memory limit can't change while the server is running. Stop the server first."),
            field="vm_max_memory_mb",
        )
    capacity = overview(account)
    if kind.shares is None or capacity is None:
        return None
    memory_mb = capacity.share.memory_mb * kind.shares
    if memory_mb <= vm.vm_max_memory_mb:
        return None
    return WrongState(
        _("%(memory)d MB is above the server's limit of %(limit)d MB while running. Stop the server first.")
        % {"memory": memory_mb, "limit": vm.vm_max_memory_mb},
        field="shares",
    )


def _require_capacity(account: Account, shares: int, disk_mb: int, *, disk_field: str | None = None) -> None:
    capacity = overview(account)
    if capacity is None:
        raise WrongState(_("This account hasn't been imported yet. Try again in a moment."))
    free = capacity.free
    if shares > free.shares:
        spare = max(0, int(free.shares))
        raise NotEnough(
            _("%(needed)s and %(free)s. Add shares first.")
            % {
                "needed": ngettext("%d share is needed", "%d shares are needed", shares) % shares,
                "free": ngettext("%d is free", "%d are free", spare) % spare,
            },
            field="shares",
        )
    if disk_mb > free.disk_mb:
        raise NotEnough(
            _("This needs %(wanted)d MB of disk space and %(free)d MB is free. Add shares or disk quota first.")
            % {"wanted": disk_mb, "free": max(0, int(free.disk_mb))},
            field=disk_field,
        )
