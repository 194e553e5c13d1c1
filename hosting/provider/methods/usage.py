"""`sharedeck.vm_stats`: what a VM uses (contract, Extensions)."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from hosting.provider.faults import Object, bad_value
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.vm import VM_ID
from hosting.provider.rules import usage
from hosting.provider.wire import date


def _check(_vm_id: int, _since: datetime, step_s: int) -> None:
    low, high = usage.STEP_S
    if not low <= step_s <= high:
        raise bad_value(Object.VM, "step_s", step_s, f"{low} to {high} seconds expected")


@method(
    "sharedeck.vm_stats",
    VM_ID,
    Param("since", "dateTime.iso8601", Object.VM),
    Param("step_s", "int", Object.VM),
    check=_check,
)
def vm_stats(call: Call, vm_id: int, since: datetime, step_s: int) -> list[dict[str, Any]]:
    """What a VM has used since a time: averages over steps of step_s seconds (60 to 86400), oldest first.

    Each is {at, cpu_percent, memory_mb, disk_read, disk_written, net_in, net_out}. A step begins at a multiple of its
    length since 1970, which is its `at`; the last one may still change. cpu_percent is of one core, memory in MB, the
    others in bytes a second. 48 hours are kept, 2880 steps at most; those of which nothing is known are left out.
    """
    vm = call.vm(vm_id)
    call.owned(vm)
    since = max(since, timezone.now() - usage.KEPT)
    # Whole steps, and the sample before the first.
    first = (int(since.timestamp()) // step_s * step_s - int(usage.APART_MAX_S)) // 60
    rows = vm.usage_samples.filter(minute__gte=first).order_by("minute").values_list(*usage.Sample._fields)
    found = usage.averages((usage.Sample(*row) for row in rows.iterator()), since, step_s)
    return [{**each, "at": date(each["at"])} for each in found]
