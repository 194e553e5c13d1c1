"""A mark in a running guest that something was asked of it, and when.

Most steps are seen by what they lead to. A reboot is not: who asks for it leaves the mark first, so that nobody asks
twice. Deadlines count from it too. It ends with the run of the guest.
"""

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import quoteattr

import libvirt

NAMESPACE = "urn:sharedeck:operation"


@dataclass(frozen=True)
class Mark:
    """`note`: what who asked wanted to remember. `asked_s`: seconds since it was asked."""

    operation_id: int
    asked: datetime
    note: str = ""

    @property
    def asked_s(self) -> float:
        return (datetime.now(UTC) - self.asked).total_seconds()


def read(guest: libvirt.virDomain, operation_id: int) -> Mark | None:
    """The mark of the operation. None when there is none, or only that of an earlier one."""
    try:
        text = guest.metadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, NAMESPACE, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN_METADATA:
            return None
        raise
    element = ET.fromstring(text)  # noqa: S314 (written below)
    if element.get("id") != str(operation_id):
        return None
    return Mark(operation_id, datetime.fromisoformat(element.get("asked", "")), element.get("note", ""))


def leave(guest: libvirt.virDomain, operation_id: int, note: str = "") -> Mark:
    """Mark a running guest. It has one mark, because operations on a guest run one after another."""
    mark = Mark(operation_id, datetime.now(UTC), note)
    text = f"<asked id='{operation_id}' asked='{mark.asked.isoformat()}' note={quoteattr(note)}/>"
    guest.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, text, "asked", NAMESPACE, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    return mark
