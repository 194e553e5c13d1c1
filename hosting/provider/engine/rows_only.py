"""Operations that need no host: those on products, and those on VMs and disks that were never made on one."""

from hosting.provider.drivers.base import Again, CannotDo
from hosting.provider.drivers.pace import left_s
from hosting.provider.engine.driver import driver
from hosting.provider.models import Operation


def carry_out(operation: Operation) -> Again | None:
    """None when its effects can be written. A purchase takes the time that the driver gives for it, if any.

    Raises:
        CannotDo: when it is scripted to fail.
    """
    takes_s = driver().estimate_s(operation.type) if operation.product_id else 0.0
    left = left_s(operation.pk, takes_s, operation.date_start, fails=bool(operation.scripted_failure))
    if left > 0:
        return Again(left, left)
    if operation.scripted_failure:
        raise CannotDo(operation.scripted_failure)
    return None
