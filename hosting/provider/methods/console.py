"""`sharedeck.console`: a ticket for the console of a VM (contract, Extensions)."""

import logging
from typing import Any

import redis
from django.conf import settings

from hosting.provider.console import tickets
from hosting.provider.faults import CONNECTION_LOST, Object, ServerFault, bad_state
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.models import Vm

log = logging.getLogger(__name__)


@method("sharedeck.console", Param("vm_id", "int", Object.VM))
def console(call: Call, vm_id: int) -> dict[str, Any]:
    """A way to the serial console of a running VM: {url, expires}.

    The url is that of a WebSocket. It holds a ticket, a secret that lets one connection in until it expires, 30 seconds
    later. All viewers of a VM share its console.
    """
    vm = call.vm(vm_id)
    call.owned(vm)
    # Who types there can change anything.
    call.may_write()
    if vm.state != Vm.State.RUNNING:
        raise bad_state(Object.VM, "vm_id", vm_id, f"not possible: the VM is {vm.state}")
    try:
        ticket, expires = tickets.issue(vm.pk, call.handle.handle)
    except redis.RedisError as error:
        log.error("sharedeck.console: Redis failed: %s", type(error).__name__)  # noqa: TRY400
        raise ServerFault(CONNECTION_LOST, "tickets unavailable", "console") from None
    return {"url": settings.PROVIDER_CONSOLE_URL + ticket, "expires": expires}
