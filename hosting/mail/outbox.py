"""The outbox: workers send mails, so that no page waits for a mail server and no mail is lost during an outage.

A mail is stored as a row in the transaction that causes it, and the row is deleted once the mail server has accepted
the mail. A worker that dies between the two leaves the row, so the mail may be sent twice. That does no harm, while a
lost mail could lock somebody out.

Decision: docs/decisions/0018-mails-are-sealed-rows.md
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from smtplib import SMTPRecipientsRefused

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from hosting import leases
from hosting.jobs import Job, enqueue
from hosting.mail.message import pack, unpack
from hosting.mail.models import OutgoingMail
from hosting.teams.people.invitations import note_undelivered
from hosting.teams.people.links import ABOUT
from hosting.writes import keep_trying

log = logging.getLogger(__name__)

# The pauses before the second try, the third and so on; the last one is repeated.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
# A mail server takes a mail within seconds. Afterwards pages say that it waits.
SENT_WITHIN = timedelta(minutes=5)
# Older mails are given up: links in mails don't work for longer, and people will have requested another mail.
LIFE = timedelta(days=2)
# The most mails sent at once, so that a mail server that hangs does not block all threads of the workers.
_AT_ONCE = 4
_JOB_LOST_AFTER = timedelta(seconds=10)
_BATCH = 50


def put(messages: Sequence[EmailMessage]) -> int:
    """Store messages for a worker to send. Returns how many have recipients.

    Raises:
        ValueError: a message has attachments.
    """
    rows = [pack(message) for message in messages if message.recipients()]
    for row in rows:
        row.due_at = timezone.now() + _JOB_LOST_AFTER
        row.save()
        enqueue(Job.SEND_MAIL, row.pk)
    return len(rows)


def send(pk: int) -> None:
    """Send one mail, unless it is gone or another worker has claimed it. After any failure it is tried again later."""
    mail = _claim(pk)
    if mail is None:
        return
    # The count of attempts tells this claim from a later one.
    claim = OutgoingMail.objects.filter(pk=pk, attempts=mail.attempts)
    with leases.kept(claim):
        try:
            get_connection(settings.MAIL_BACKEND).send_messages([unpack(mail)])
        except Exception as error:  # noqa: BLE001 - after any error the mail stays, and its text must not reach the log
            _postpone(mail, claim, error)
        else:
            keep_trying(mail.delete, f"that mail {pk} was sent")


def waiting_since(now: datetime) -> datetime | None:
    """When the oldest mail was written that the mail server should have taken by now; None when there is none."""
    late = OutgoingMail.objects.filter(created_at__lt=now - SENT_WITHIN).order_by("created_at")
    return late.values_list("created_at", flat=True).first()


def sweep(now: datetime) -> None:
    """Enqueue mails that are due."""
    due = list(
        OutgoingMail.objects.filter(leases.free(), due_at__lte=now)
        .order_by("due_at")
        .values_list("pk", flat=True)[:_BATCH]
    )
    if due:
        OutgoingMail.objects.filter(pk__in=due).update(due_at=now + _JOB_LOST_AFTER)
    for pk in due:
        enqueue(Job.SEND_MAIL, pk)


def _claim(pk: int) -> OutgoingMail | None:
    if OutgoingMail.objects.filter(claimed_until__gt=Now()).count() >= _AT_ONCE:
        return None
    claimed = OutgoingMail.objects.filter(leases.free(), pk=pk).update(
        claimed_until=leases.until(), attempts=F("attempts") + 1
    )
    return OutgoingMail.objects.get(pk=pk) if claimed else None


def _postpone(mail: OutgoingMail, claim: QuerySet[OutgoingMail], error: Exception) -> None:
    """Schedule the next try, or give up when the mail is too old or was refused for good."""
    now, name = timezone.now(), type(error).__name__
    if _is_final(error) or mail.created_at <= now - LIFE:
        log.error("Mail %s was given up after %s tries: %s", mail.pk, mail.attempts, name)
        _give_up(mail)
        return
    log.warning("Mail %s waits for its next try: %s", mail.pk, name)
    pause = PAUSES[min(mail.attempts, len(PAUSES)) - 1]
    claim.update(due_at=now + pause, claimed_until=None, last_error=name[:100])


def _give_up(mail: OutgoingMail) -> None:
    """Drop a mail, and tell it to the people who wait for an answer to it."""
    with transaction.atomic():
        mail.delete()
        if mail.about.startswith(ABOUT):
            note_undelivered(int(mail.about.removeprefix(ABOUT)), written_at=mail.created_at)


def _is_final(error: Exception) -> bool:
    """Whether the server refused every recipient for good (5xx), for example because there is no such mailbox."""
    return isinstance(error, SMTPRecipientsRefused) and all(code >= 500 for code, _ in error.recipients.values())
