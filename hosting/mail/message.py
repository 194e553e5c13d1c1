"""Convert a message to a row and back."""

import json
from email.utils import make_msgid, parseaddr

from django.core.mail import EmailMessage, EmailMultiAlternatives

from hosting.accounts.sealing import seal, unseal
from hosting.mail.models import OutgoingMail


def pack(message: EmailMessage) -> OutgoingMail:
    """Convert a message to a row, not saved yet and without a due time.

    Sets its `Message-ID`, by which most mail programs recognise a mail that was sent twice.

    Raises:
        ValueError: the message has attachments, which the panel never sends.
    """
    if message.attachments:
        raise ValueError("mails with attachments are not kept")
    domain = parseaddr(message.from_email)[1].rpartition("@")[2]
    headers = {"Message-ID": make_msgid(domain=domain or "localhost"), **message.extra_headers}
    content = {
        "from_email": message.from_email,
        "cc": list(message.cc),
        "bcc": list(message.bcc),
        "reply_to": list(message.reply_to),
        "headers": {name: str(value) for name, value in headers.items()},
        "body": str(message.body),
        "subtype": message.content_subtype,
        "alternatives": [[str(body), kind] for body, kind in getattr(message, "alternatives", None) or []],
    }
    return OutgoingMail(
        recipients=[str(address) for address in message.to],
        subject=str(message.subject),
        about=getattr(message, "about", ""),
        sealed_content=seal(json.dumps(content)),
    )


def unpack(mail: OutgoingMail) -> EmailMessage:
    """Convert a row to a message.

    Raises:
        hosting.accounts.sealing.UnreadableSecretError: the content was sealed with a key that is gone.
    """
    content = json.loads(unseal(mail.sealed_content))
    message = EmailMultiAlternatives(
        mail.subject,
        content["body"],
        content["from_email"],
        mail.recipients,
        cc=content["cc"],
        bcc=content["bcc"],
        reply_to=content["reply_to"],
        headers=content["headers"],
    )
    message.content_subtype = content["subtype"]
    for body, kind in content["alternatives"]:
        message.attach_alternative(body, kind)
    return message
