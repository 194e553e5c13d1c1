"""The plan that resizes a running server: stop it, change its size, start it again.

More memory than `vm_max_memory`, or another `vm_max_memory`, needs a stopped server (contract, VMs).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.operations.capacity.overview import overview
from hosting.operations.checks import preconditions
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.rejection import WrongState
from hosting.operations.models.states import State
from hosting.operations.plans.base import PlanSpec, Step, StopReason


@dataclass(frozen=True)
class Resize(PlanSpec):
    """The old and the new size of a server. Memory limits are in MB."""

    kind = Plan.Kind.RESIZE
    steps = ("stop", "change", "start")
    undone_by_others = frozenset({"stop", "start"})

    vm_id: int
    shares: int
    cpu: int
    vm_max_memory_mb: int
    shares_before: int
    cpu_before: int
    vm_max_memory_mb_before: int

    @classmethod
    def of(cls, vm: Vm, change: catalogue.UpdateVm) -> Self:
        """The resize that a change makes of a server; None leaves a value as it is."""
        return cls(
            hostname=str(vm),
            vm_id=vm.remote_id,
            shares=vm.shares if change.shares is None else change.shares,
            cpu=vm.cores if change.cpu is None else change.cpu,
            vm_max_memory_mb=vm.vm_max_memory_mb if change.vm_max_memory_mb is None else change.vm_max_memory_mb,
            shares_before=vm.shares,
            cpu_before=vm.cores,
            vm_max_memory_mb_before=vm.vm_max_memory_mb,
        )

    def is_settled(self, step: str, account: Account, so_far: Mapping[str, Operation]) -> bool:
        """Whether somebody else has stopped the server already, or started it again.

        The size may change only after the server was read as stopped. A running server counts as started again
        only when it was read after the change.
        """
        changed = so_far.get("change")
        if step == "start":
            seen = self._vms(account).filter(state=Vm.State.RUNNING)
            return changed is not None and seen.filter(read_at__gte=changed.finished_at).exists()
        if step != "stop":
            return False
        is_changed = changed is not None and changed.state == State.DONE
        return is_changed or self._vms(account).filter(state=Vm.State.HALTED).exists()

    def obstacle(self, step: str, account: Account) -> StopReason | None:
        """Refuse to stop the server when the shares for its new size are not free."""
        vm = self._vms(account).first()
        if step != "stop" or vm is None or self._change().shares is None or self.shares <= vm.shares:
            return None
        capacity = overview(account)
        fits = capacity is not None and self.shares - vm.shares <= capacity.free.shares
        return None if fits else StopReason.NOT_FREE

    def request(self, step: str, so_far: Mapping[str, Operation]) -> Kind:
        match step:
            case "stop":
                return catalogue.StopVm(self.vm_id)
            case "change":
                return self._change()
            case "start":
                return catalogue.StartVm(self.vm_id)
        raise ValueError(step)

    def keeping(self, before: Self, done: Collection[str]) -> Self:
        return before if "change" in done else self

    def validate(self, account: Account, secret: str, done: Collection[str] = ()) -> None:
        if "change" in done:
            return
        change = self._change()
        change.validate()
        vm = self._vms(account).first()
        if vm is None:
            raise WrongState(_("This server no longer exists."))
        if vm.state not in {Vm.State.RUNNING, Vm.State.HALTED}:
            raise WrongState(
                _("The server is “%(state)s” and can't be resized."), names={"state": vm.get_state_display()}
            )
        preconditions.check_size(change, vm, account)

    def preview(self, account: Account, done: Collection[str] = ()) -> list[Step]:
        capacity = overview(account)
        free = None if capacity is None else max(0, int(capacity.free.shares))
        more = self.shares - self.shares_before
        return [
            Step("stop", 1),
            Step("change", 2, shares=more, free_shares=free if more > 0 else None),
            Step("start", 3),
        ]

    def _change(self) -> catalogue.UpdateVm:
        return catalogue.UpdateVm(
            self.vm_id,
            shares=self.shares if self.shares != self.shares_before else None,
            cpu=self.cpu if self.cpu != self.cpu_before else None,
            vm_max_memory_mb=self.vm_max_memory_mb if self.vm_max_memory_mb != self.vm_max_memory_mb_before else None,
        )

    def _vms(self, account: Account) -> "QuerySet[Vm]":
        return Vm.objects.filter(account=account, remote_id=self.vm_id)
