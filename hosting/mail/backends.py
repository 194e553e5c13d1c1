"""Django's two ends of the outbox: what `send_mail` calls, and where mails go while no mail server is named."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import filebased
from django.core.mail.backends.base import BaseEmailBackend

from hosting.mail import outbox


class Outbox(BaseEmailBackend):
    """Takes every mail of the panel (`EMAIL_BACKEND`); a worker sends it with `MAIL_BACKEND`."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        return outbox.put(email_messages)


class PrivateFiles(filebased.EmailBackend):
    """Mails as files that their owner alone can read: they hold links that set passwords."""

    def __init__(self, *args: Any, **options: Any) -> None:
        Path(settings.MAIL_DIRECTORY).mkdir(mode=0o700, parents=True, exist_ok=True)
        super().__init__(*args, **{**options, "file_path": str(settings.MAIL_DIRECTORY)})
