"""An open page learns that the workers don't run, and that they are back, without being loaded again."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone
from playwright.sync_api import Page, expect

from tests.stack import Stack

SILENT = """
from datetime import datetime
from hosting.accounts import pulse
pulse.record(pulse.Part.SENDING, datetime.fromisoformat({at!r}))
"""


def test_open_page_says_that_nothing_is_sent_until_the_workers_are_back(
    stack: Stack, browse: Callable[..., Page]
) -> None:
    page = browse("/accounts/1/servers/")
    region = page.get_by_role("status").and_(page.locator("#silence"))
    expect(region).to_be_empty()
    worker = stack.pids()["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        # The limit is a day here (`tests/servers.py`).
        stack.run(SILENT.format(at=(timezone.now() - timedelta(days=2)).isoformat()))
        expect(region).to_contain_text("the workers are not running")
        expect(region.locator(".banner")).to_be_visible()
    finally:
        os.kill(worker, signal.SIGCONT)
    expect(region).to_have_text("The workers are running again.")
    expect(region.locator(".banner")).to_have_count(0)
