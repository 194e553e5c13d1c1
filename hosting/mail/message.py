"""A message as a row, and the row as a message again."""

import json
from email.utils import make_msgid, parseaddr

from django.core.mail import EmailMessage, EmailMultiAlternatives

from hosting.accounts.sealing import seal, unseal
from hosting.mail.models import OutgoingMail


def pack(message: EmailMessage) -> OutgoingMail:
    """The row of a message, not saved yet and without a due time.

    It gets its `Message-ID` here: a mail that was sent twice is then one and the same to most mail programs.

    Raises:
        ValueError: it has attachments; the panel sends none.
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
        sealed_content=seal(json.dumps(content)),
    )


def unpack(mail: OutgoingMail) -> EmailMessage:
    """The message of a row.

    Raises:
        hosting.accounts.sealing.UnreadableSecretError: it was sealed with a key that is gone.
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
