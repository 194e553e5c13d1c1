"""Outgoing mails. They are rows, because a queue may be lost at any time."""

from django.db import models
from django.utils import timezone


class OutgoingMail(models.Model):
    """A mail that waits to be sent. The row is deleted once the mail was sent or given up."""

    # The addresses of `To:`. Those of copies are in the sealed part.
    recipients = models.JSONField()
    subject = models.TextField()
    # What is told when the mail can't be delivered, such as "invitation:12" (`links.ABOUT`); empty for nothing.
    about = models.CharField(max_length=40, blank=True, default="")
    # The rest as JSON, see `message.pack`. Sealed, because mails hold links that set passwords.
    sealed_content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    # When the sweep enqueues the next try; the worker that sends it has a claim until `claimed_until`.
    due_at = models.DateTimeField(db_index=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # The class name of the last error. Not its text, which may quote addresses.
    last_error = models.CharField(max_length=100, blank=True)
