"""The outbox: mails are stored sealed, sent by a worker and retried after failures."""

import logging
import stat
from datetime import timedelta
from pathlib import Path
from smtplib import SMTPRecipientsRefused, SMTPServerDisconnected
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMultiAlternatives, send_mail
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import jobs, tasks
from hosting.jobs import Job
from hosting.mail import outbox
from hosting.mail.models import OutgoingMail
from hosting.operations import sweep

LINK = "https://panel.example/reset/t0ken-that-sets-a-password"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Job, tuple[int, ...]]]:
    """The outbox in front of Django's list of sent mails (`mail.outbox`), and the jobs that were asked for."""
    settings.EMAIL_BACKEND = "hosting.mail.backends.Outbox"
    settings.MAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    found: list[tuple[Job, tuple[int, ...]]] = []
    monkeypatch.setattr(jobs, "_send", lambda job, arguments: found.append((job, arguments)))
    return found


def post(subject: str = "A new password") -> OutgoingMail:
    send_mail(subject, f"Open {LINK}", None, ["anna@example.org"])
    return OutgoingMail.objects.latest("pk")


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def refuse(*_arguments: object) -> Any:
        raise error

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", refuse)


def test_mail_is_queued_after_commit_and_deleted_once_sent(asked: list[tuple[Job, tuple[int, ...]]]) -> None:
    with transaction.atomic():
        row = post()
        assert not asked
    assert asked == [(Job.SEND_MAIL, (row.pk,))]
    assert not mail.outbox
    tasks.send_mail(row.pk)
    tasks.send_mail(row.pk)
    (sent,) = mail.outbox
    assert (sent.subject, sent.to, sent.body) == ("A new password", ["anna@example.org"], f"Open {LINK}")
    assert not OutgoingMail.objects.exists()


def test_mail_of_a_rolled_back_transaction_is_not_sent(asked: list[tuple[Job, tuple[int, ...]]]) -> None:
    with transaction.atomic():
        post()
        transaction.set_rollback(True)
    assert not asked
    assert not OutgoingMail.objects.exists()


def test_all_parts_of_a_message_are_sent() -> None:
    message = EmailMultiAlternatives(
        "Both",
        "plain",
        "Panel <panel@example.net>",
        ["a@example.org", "b@example.org"],
        bcc=["c@example.org"],
        cc=["d@example.org"],
        reply_to=["e@example.org"],
        headers={"X-Kind": "reset"},
    )
    message.attach_alternative("<p>html</p>", "text/html")
    assert message.send() == 1
    outbox.send(OutgoingMail.objects.get().pk)
    sent = mail.outbox[0]
    assert isinstance(sent, EmailMultiAlternatives)
    assert sent.recipients() == message.recipients()
    assert [tuple(each) for each in sent.alternatives] == [("<p>html</p>", "text/html")]
    assert (sent.from_email, sent.reply_to) == ("Panel <panel@example.net>", ["e@example.org"])
    assert sent.extra_headers["X-Kind"] == "reset"
    assert sent.extra_headers["Message-ID"].endswith("@example.net>")


def test_mail_content_is_sealed_in_the_database() -> None:
    post()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM hosting_outgoingmail")
        assert LINK not in str(cursor.fetchall())


def test_sweep_queues_a_mail_with_a_lost_job_once(asked: list[tuple[Job, tuple[int, ...]]]) -> None:
    row = post()
    # The first sweep of all also asks for a sign of life.
    sweep.sweep()
    asked.clear()
    sweep.sweep()
    assert not asked
    OutgoingMail.objects.update(due_at=timezone.now())
    sweep.sweep()
    sweep.sweep()
    assert asked == [(Job.SEND_MAIL, (row.pk,))]


def test_mail_retries_slow_down_and_logs_hide_its_content(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = post()
    fail_with(monkeypatch, SMTPServerDisconnected(f"anna@example.org {LINK}"))
    waited = []
    for _ in range(5):
        outbox.send(row.pk)
        row.refresh_from_db()
        waited.append(round((row.due_at - timezone.now()) / timedelta(minutes=1)))
    assert waited == [1, 5, 15, 60, 60]
    assert (row.last_error, row.attempts) == ("SMTPServerDisconnected", 5)
    assert "SMTPServerDisconnected" in caplog.text
    assert LINK not in caplog.text
    assert "anna@example.org" not in caplog.text


def test_mail_is_given_up_after_two_days_or_for_an_unknown_mailbox(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    old, wrong = post(), post()
    OutgoingMail.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=2))
    fail_with(monkeypatch, SMTPServerDisconnected("gone"))
    outbox.send(old.pk)
    fail_with(monkeypatch, SMTPRecipientsRefused({"anna@example.org": (550, b"no such user")}))
    outbox.send(wrong.pk)
    assert not OutgoingMail.objects.exists()
    given_up = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(given_up) == 2
    assert "anna" not in caplog.text


def test_claimed_mail_is_sent_by_another_worker_only_after_the_claim_expires() -> None:
    row = post()
    OutgoingMail.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    outbox.send(row.pk)
    assert not mail.outbox
    OutgoingMail.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    outbox.send(row.pk)
    assert len(mail.outbox) == 1


def test_hanging_mail_server_blocks_only_a_few_workers() -> None:
    rows = [post() for _ in range(5)]
    OutgoingMail.objects.exclude(pk=rows[0].pk).update(claimed_until=timezone.now() + timedelta(minutes=1))
    outbox.send(rows[0].pk)
    assert not mail.outbox


def test_unreadable_mail_waits_for_its_key(settings: Settings) -> None:
    keys, row = settings.SEAL_KEYS, post()
    settings.SEAL_KEYS = ["c2VhbC1rZXktb2YtYS10ZXN0LXRoYXQtaXMtd3Jvbmc="]
    outbox.send(row.pk)
    settings.SEAL_KEYS = keys
    outbox.send(row.pk)
    assert len(mail.outbox) == 1


def test_mails_without_a_server_become_private_files(settings: Settings, tmp_path: Path) -> None:
    settings.MAIL_BACKEND = "hosting.mail.backends.PrivateFiles"
    settings.MAIL_DIRECTORY = tmp_path / "mail"
    outbox.send(post().pk)
    (file,) = (tmp_path / "mail").iterdir()
    assert LINK in file.read_text()
    assert stat.S_IMODE((tmp_path / "mail").stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_mail_with_attachments_is_refused() -> None:
    message = mail.EmailMessage("With", "a file", None, ["anna@example.org"])
    message.attach("a.txt", "text", "text/plain")
    with pytest.raises(ValueError, match="attachments"):
        message.send()
