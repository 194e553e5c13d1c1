"""Background jobs, and how domain code enqueues one once its transaction has committed."""

import logging
from enum import StrEnum

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


class Job(StrEnum):
    """Each job is a Celery task of the same name in `hosting.tasks`."""

    SEND = "hosting.tasks.send"
    IDENTIFY = "hosting.tasks.identify"
    TRACK = "hosting.tasks.track"
    ADVANCE = "hosting.tasks.advance"
    ADVANCE_BULK = "hosting.tasks.advance_bulk"
    CANCEL = "hosting.tasks.cancel"
    SETTLE = "hosting.tasks.settle"
    PROVE = "hosting.tasks.prove"
    REFRESH = "hosting.tasks.refresh"
    READ_LINKS = "hosting.tasks.read_links"
    READ_FIGURES = "hosting.tasks.read_figures"
    SEND_MAIL = "hosting.tasks.send_mail"
    LOOK_AGAIN = "hosting.tasks.look_again"
    NOTE_FAILED_SIGN_IN = "hosting.tasks.note_failed_sign_in"
    SWEEP = "hosting.tasks.sweep"
    PULSE = "hosting.tasks.pulse"

    @property
    def queue(self) -> str:
        """What somebody waits for has workers of its own, so that nothing else can take their place."""
        return "members" if self in _FOR_MEMBERS else "background"


# The sweep is among them: it queues again what was lost, and takes milliseconds.
_FOR_MEMBERS = {Job.SEND, Job.CANCEL, Job.ADVANCE, Job.ADVANCE_BULK, Job.PROVE, Job.SWEEP}


def enqueue(job: Job, *arguments: int | str) -> None:
    """Enqueue a job once the current transaction has committed (at once when there is none).

    Nothing is lost while the broker is unavailable: rows say what is due, and the sweep enqueues it again.
    """
    transaction.on_commit(lambda: _send(job, arguments))


def _send(job: Job, arguments: tuple[int | str, ...]) -> None:
    try:
        current_app.send_task(job.value, args=arguments, queue=job.queue, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("The broker did not take %s (%r); the sweep will ask again.", job, error)
