"""The health check."""

from datetime import datetime

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from hosting.accounts import pulse
from hosting.accounts.pulse import Part, Silence
from hosting.mail import outbox


@require_safe
def health(_request: HttpRequest) -> HttpResponse:
    """200 when the panel can read its database and its workers run; for process managers and load balancers.

    Otherwise 503, and in words what is missing. Mails that wait are told too, but stop nothing else.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    if silence := pulse.silence():
        return HttpResponse(_missing(silence), status=503, content_type="text/plain")
    if since := outbox.waiting_since(timezone.now()):
        return HttpResponse(_waiting_mails(since), content_type="text/plain")
    return HttpResponse("ok", content_type="text/plain")


def _waiting_mails(since: datetime) -> str:
    return f"ok\nMails have not been sent since {since:%Y-%m-%d %H:%M} UTC: the mail server does not take them.\n"


def _missing(silence: Silence) -> str:
    since = f"{silence.since:%H:%M:%S} UTC"
    if silence.what == "redis":
        return f"Redis has been unavailable since {since}: nothing is sent or read.\n"
    if silence.what == Part.SENDING:
        return (
            f"No worker has run the sweep since {since}: nothing is sent or read. "
            "Look at the processes beat and worker.\n"
        )
    return (
        f"No worker has taken a job from the queue background since {since}: no data is read. "
        "Look at the process background.\n"
    )
