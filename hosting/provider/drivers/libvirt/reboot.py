"""Reboot a guest once, whoever interrupts it."""

import libvirt

from hosting.provider.drivers.base import Again
from hosting.provider.drivers.libvirt import agent, marks
from hosting.provider.drivers.libvirt.job import Job

REBOOT_S = 15.0
LOOK_AGAIN_S = 0.5
# A guest that still is in the same boot by then is reset.
BY_ITSELF_S = 30.0
# A guest that has not answered by then runs, which is all there is to know.
ANSWER_S = 120.0
# How long a guest may still answer that was asked to reboot, when its agent does not tell one boot from the next.
LAST_ANSWERS_S = 5.0
RESET = "reset "


def reboot(job: Job, guest: libvirt.virDomain) -> Again | None:
    """Ask for the reboot, or see how it goes. Done when the guest says that it is in another boot than before."""
    mark = marks.read(guest, job.work.operation_id)
    now = agent.boot_id(guest)
    if mark is None:
        job.fence()
        marks.leave(guest, job.work.operation_id, now)
        agent.reboot(guest)
        return Again(LOOK_AGAIN_S, REBOOT_S)
    was_reset, before = mark.note.startswith(RESET), mark.note.removeprefix(RESET)
    if _is_over(guest, mark, before, now):
        return None
    if now and now == before and mark.asked_s > BY_ITSELF_S and not was_reset:
        job.fence()
        marks.leave(guest, job.work.operation_id, RESET + before)
        guest.reset()
    return Again(LOOK_AGAIN_S, max(REBOOT_S - mark.asked_s, 1.0))


def _is_over(guest: libvirt.virDomain, mark: marks.Mark, before: str, now: str) -> bool:
    if mark.asked_s > ANSWER_S:
        return True
    if before:
        return now not in ("", before)
    return mark.asked_s > LAST_ANSWERS_S and agent.host_name(guest) is not None
