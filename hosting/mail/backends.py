"""Mail backends: the outbox behind Django's `send_mail`, and files for installations without a mail server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import filebased
from django.core.mail.backends.base import BaseEmailBackend

from hosting.mail import outbox


class Outbox(BaseEmailBackend):
    """Puts every mail of the panel into the outbox (`EMAIL_BACKEND`); a worker sends it with `MAIL_BACKEND`."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        return outbox.put(email_messages)


class PrivateFiles(filebased.EmailBackend):
    """Writes mails to files that only their owner can read, because mails hold links that set passwords."""

    def __init__(self, *args: Any, **options: Any) -> None:
        Path(settings.MAIL_DIRECTORY).mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(*args, **{**options, "file_path": str(settings.MAIL_DIRECTORY)})
