"""The worker's own clock: twice a second it does what is due, with or without a broker.

Messages only make it quicker. A thread of the worker and not beat: beat's process would outlive a worker that
was killed, and would be silent while the broker is away.
"""

import logging
import threading
from typing import Any

from celery import bootsteps

INTERVAL_S = 0.5
log = logging.getLogger(__name__)


class Ticker(bootsteps.StartStopStep):
    """Starts with the worker and stops with it."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticker", daemon=True)

    def start(self, parent: Any) -> None:
        self._thread.start()

    def stop(self, parent: Any) -> None:
        self._stopped.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        # Not before the worker has set Django up.
        from django.db import close_old_connections  # noqa: PLC0415

        from hosting.provider import news  # noqa: PLC0415
        from hosting.provider.engine import expiry, reconcile, renewals, run, shortage, usage  # noqa: PLC0415

        while not self._stopped.wait(INTERVAL_S):
            # Renewals first, so that nothing is paused for want of one.
            for look in (
                renewals.renew_due,
                expiry.note_ended,
                shortage.settle_all,
                run.run_due,
                reconcile.watch_hosts,
                usage.sample_due,
                news.forget_old,
            ):
                try:
                    close_old_connections()
                    look()
                except Exception:
                    log.exception("%s failed; trying again", look.__name__)
