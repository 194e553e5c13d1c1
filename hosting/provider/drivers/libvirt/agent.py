"""Ask the agent inside a guest. A guest that has none, or is not up yet, says nothing."""

import base64
import json
from collections.abc import Callable
from typing import Any

import libvirt
import libvirt_qemu

from hosting.provider.drivers.libvirt.connection import means_lost

ANSWER_S = 5
FLUSH_S = 10
BOOT_ID = "/proc/sys/kernel/random/boot_id"


def ask(guest: libvirt.virDomain, command: str, seconds: int = ANSWER_S, **arguments: object) -> Any:
    """The agent's answer to a command. None when it gives none, or refuses."""
    sent = {"execute": command, **({"arguments": arguments} if arguments else {})}
    try:
        return json.loads(libvirt_qemu.qemuAgentCommand(guest, json.dumps(sent), seconds, 0))["return"]
    except libvirt.libvirtError as error:
        if means_lost(guest.connect(), error):
            raise
        return None


def host_name(guest: libvirt.virDomain) -> str | None:
    """The name that the guest gives itself. An agent too old to know that says the empty string."""
    answer = ask(guest, "guest-get-host-name")
    if answer is not None:
        return str(answer["host-name"])
    return "" if ask(guest, "guest-ping") is not None else None


def boot_id(guest: libvirt.virDomain) -> str:
    """What tells one boot of a Linux guest from the next. The empty string when the agent does not read files."""
    handle = ask(guest, "guest-file-open", path=BOOT_ID, mode="r")
    if handle is None:
        return ""
    content = ask(guest, "guest-file-read", handle=handle, count=64)
    ask(guest, "guest-file-close", handle=handle)
    return base64.b64decode(content["buf-b64"]).decode().strip() if content else ""


def shut_down(guest: libvirt.virDomain) -> None:
    """Ask the guest to switch itself off: its agent, or its power button where there is none."""
    if ask(guest, "guest-ping") is not None:
        _try(guest, lambda: guest.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_GUEST_AGENT))
    else:
        _try(guest, lambda: guest.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN))


def reboot(guest: libvirt.virDomain) -> None:
    """Ask the guest to reboot: its agent, or its power button where there is none."""
    if ask(guest, "guest-ping") is not None:
        _try(guest, lambda: guest.reboot(libvirt.VIR_DOMAIN_REBOOT_GUEST_AGENT))
    else:
        _try(guest, lambda: guest.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN))


def use_processors(guest: libvirt.virDomain, count: int) -> None:
    """Have the guest use so many of the processors that it has: some wait to be told."""
    _try(guest, lambda: guest.setVcpusFlags(count, libvirt.VIR_DOMAIN_VCPU_GUEST))


def _try(guest: libvirt.virDomain, request: Callable[[], object]) -> None:
    """Make a request that the guest may refuse: what it leads to is looked at later."""
    try:
        request()
    except libvirt.libvirtError as error:
        if means_lost(guest.connect(), error):
            raise


def flush(guest: libvirt.virDomain) -> None:
    """Have the guest write what it holds in memory to its disks."""
    ask(guest, "guest-fsfreeze-freeze", FLUSH_S)
    thaw(guest)


def thaw(guest: libvirt.virDomain) -> None:
    """Let a guest write again that was interrupted while it flushed."""
    ask(guest, "guest-fsfreeze-thaw", FLUSH_S)
