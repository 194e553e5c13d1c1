"""Wait until all processes answer, print the panel's address, and wait to be stopped: the last line of the Procfile."""

import os
import signal
import sys
import time
from argparse import ArgumentParser
from typing import Any

import urllib3
from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand

from hosting.management.commands.prepare import DEMO_EMAIL
from hosting.teams.models import User

BANNER = """
────────────────────────────────────────────────────────────────────────
  Sharedeck is ready:  {panel}
{sign_in}{mail}
  Next: sign in, open “New server”, and follow the five steps.
  Ctrl-C stops everything; your data stays in var/.
────────────────────────────────────────────────────────────────────────"""

# A bare interpreter that waits for the signal that ends everything.
WAIT = """\
import os, signal
for number in (signal.SIGTERM, signal.SIGINT):
    signal.signal(number, lambda *_: os._exit(0))
signal.pause()
"""


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("urls", nargs="+", help="addresses that must answer with 200")
        parser.add_argument("--timeout", type=float, default=60, help="seconds to wait for them")

    def handle(self, *args: Any, urls: list[str], timeout: float, **options: Any) -> None:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
        deadline = time.monotonic() + timeout
        panel = os.environ.get("PANEL_URL", f"http://127.0.0.1:{settings.PORT}/")
        for url in urls:
            wait_for(url, deadline, own_host() if url.startswith(panel) else "")
        wait_for_workers(deadline)
        self.stdout.write(BANNER.format(panel=panel, sign_in=sign_in_lines(), mail=mail_lines()))
        self.stdout.flush()
        # honcho stops everything when one process ends, so this one stays, but as one that needs next to no memory.
        os.execv(sys.executable, [sys.executable, "-IS", "-c", WAIT])  # noqa: S606


def wait_for(url: str, deadline: float, host: str = "") -> None:
    """Wait until `url` answers 200 to a request with the Host header `host`.

    Exits with a message at the deadline (a time of `time.monotonic`).
    """
    headers = {"Host": host} if host else {}
    while time.monotonic() < deadline:
        try:
            if urllib3.request("GET", url, timeout=2, retries=False, headers=headers).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.1)
    sys.exit(f"{url} does not answer. Look above for what its process says.")


def own_host() -> str:
    """A host name from `ALLOWED_HOSTS` for requests to 127.0.0.1; empty when that is allowed itself."""
    names = settings.ALLOWED_HOSTS
    return "" if "127.0.0.1" in names or "*" in names else next(iter(names), "").removeprefix(".")


def wait_for_workers(deadline: float) -> None:
    """Wait until the workers for members and for the background answer. Exits with a message at the deadline."""
    while time.monotonic() < deadline:
        names = {name.partition("@")[0] for reply in current_app.control.ping(timeout=0.3) or [] for name in reply}
        if names >= {"members", "background"}:
            return
    sys.exit("The workers do not answer. Look above for what their processes say.")


def sign_in_lines() -> str:
    """The demo's e-mail address and password, unless it was changed; while nobody can sign in, how to begin."""
    if not User.objects.exists():
        return "  Create your login:   .venv/bin/python manage.py create_owner you@example.net"
    demo = User.objects.filter(email=DEMO_EMAIL).first()
    if demo is None or not settings.DEMO_PASSWORD or not demo.check_password(settings.DEMO_PASSWORD):
        return ""
    return f"  Sign in with:        {DEMO_EMAIL}  /  {settings.DEMO_PASSWORD}"


def mail_lines() -> str:
    """Where mails are written when no mail server is configured."""
    return (
        ""
        if settings.EMAIL_CONFIGURED
        else f"\n  Mails are files in:  {settings.MAIL_DIRECTORY}  (EMAIL_URL sends them)"
    )
