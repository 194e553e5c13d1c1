"""Mails leave by a worker: no page waits for a mail server, and none is lost when that, Redis or a worker is away.

A mail is a row in the transaction of what it tells, and the row goes once the mail server has taken it. A worker that
dies between those two leaves the row, so its mail may be sent twice: the second one does no harm, a lost one locks
somebody out.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db.models import F, Q
from django.utils import timezone

from hosting.jobs import Job, enqueue
from hosting.mail.message import pack, unpack
from hosting.mail.models import OutgoingMail

log = logging.getLogger(__name__)

# What waits before the second try, the third …: the last one counts for all later ones.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
# Links in mails don't live longer, and somebody who waits has asked again.
LIFE = timedelta(days=2)
# Longer than a conversation with a mail server takes at its slowest (`EMAIL_TIMEOUT` for each of its steps).
_CLAIM = timedelta(minutes=2)
# A mail server that hangs holds so many of the workers' threads, and not all of them.
_AT_ONCE = 4
_JOB_LOST_AFTER = timedelta(seconds=10)
_BATCH = 50


def put(messages: Sequence[EmailMessage]) -> int:
    """Keep messages until a worker has sent them: how many of them have somebody to go to.

    Raises:
        ValueError: one has attachments.
    """
    rows = [pack(message) for message in messages if message.recipients()]
    for row in rows:
        row.due_at = timezone.now() + _JOB_LOST_AFTER
        row.save()
        enqueue(Job.SEND_MAIL, row.pk)
    return len(rows)


def send(pk: int) -> None:
    """Send one mail, unless it is gone or somebody else has it: whatever fails is tried again later."""
    mail = _claim(pk)
    if mail is None:
        return
    try:
        get_connection(settings.MAIL_BACKEND).send_messages([unpack(mail)])
    except Exception as error:  # noqa: BLE001  Whatever it is: the mail stays, and its text is in no log.
        _postpone(mail, error)
    else:
        mail.delete()


def sweep(now: datetime) -> None:
    """Ask again for mails that are due."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    due = list(
        OutgoingMail.objects.filter(free, due_at__lte=now).order_by("due_at").values_list("pk", flat=True)[:_BATCH]
    )
    if due:
        OutgoingMail.objects.filter(pk__in=due).update(due_at=now + _JOB_LOST_AFTER)
    for pk in due:
        enqueue(Job.SEND_MAIL, pk)


def _claim(pk: int) -> OutgoingMail | None:
    now = timezone.now()
    if OutgoingMail.objects.filter(claimed_until__gt=now).count() >= _AT_ONCE:
        return None
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    claimed = OutgoingMail.objects.filter(free, pk=pk).update(claimed_until=now + _CLAIM, attempts=F("attempts") + 1)
    return OutgoingMail.objects.get(pk=pk) if claimed else None


def _postpone(mail: OutgoingMail, error: Exception) -> None:
    """Try again later, unless it was tried for long enough or the mail server says that it never will."""
    now, name = timezone.now(), type(error).__name__
    if _is_final(error) or mail.created_at <= now - LIFE:
        log.error("Mail %s was given up after %s tries: %s", mail.pk, mail.attempts, name)
        mail.delete()
        return
    log.warning("Mail %s waits for its next try: %s", mail.pk, name)
    pause = PAUSES[min(mail.attempts, len(PAUSES)) - 1]
    OutgoingMail.objects.filter(pk=mail.pk).update(due_at=now + pause, claimed_until=None, last_error=name[:100])


def _is_final(error: Exception) -> bool:
    """Whether the server refused every recipient for good (5xx): there is no such mailbox."""
    return isinstance(error, SMTPRecipientsRefused) and all(code >= 500 for code, _ in error.recipients.values())
