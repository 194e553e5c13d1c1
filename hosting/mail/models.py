"""Mails that are on their way: rows, because a queue may be lost at any moment."""

from django.db import models
from django.utils import timezone


class OutgoingMail(models.Model):
    """A mail that waits for the mail server. It is gone once it was sent, or given up."""

    # Addresses after `To:`. Copies, if any, are in the sealed part.
    recipients = models.JSONField()
    subject = models.TextField()
    # The rest as JSON, see `message.pack`: mails hold links that set passwords.
    sealed_content = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    # When the sweep asks for the next try; a worker that tries has it to itself until `claimed_until`.
    due_at = models.DateTimeField(db_index=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    # The name of the last error's class: its text may quote an address or what the server said of it.
    last_error = models.CharField(max_length=100, blank=True)
