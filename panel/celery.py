"""The panel's Celery application. Tasks live in `hosting.tasks`; rows in the database are the truth, not results.

Decision: docs/decisions/0011-jobs-are-hints.md
"""

import os
from typing import Any

import redis
from celery import Celery
from kombu.transport.redis import Channel

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
# `prepare` runs the system checks. Here they would load every page, which workers never serve: 10 MB for each of them.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")

# A worker that loses its broker while it holds jobs would try to return them, and crash over that (kombu 5). Nothing is
# lost with them: the rows say what is due.
Channel.do_restore = False
_parameters = Channel._connparams  # type: ignore[attr-defined]


def _parameters_or_lost(channel: Any, *arguments: Any, **options: Any) -> Any:
    """Turn an acknowledgement on a closed connection into a lost connection, which does not crash the worker."""
    if channel.connection is None or channel.connection.client is None:
        raise redis.ConnectionError("the connection to the broker was lost")
    return _parameters(channel, *arguments, **options)


Channel._connparams = _parameters_or_lost  # type: ignore[attr-defined]

app = Celery("sharedeck")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting"])
