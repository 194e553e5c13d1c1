"""The provider's Celery application. Its one task runs operations; rows in the database are the truth."""

import os
from typing import Any

import redis
from celery import Celery
from kombu.transport.redis import Channel

from hosting.provider.engine.ticker import Ticker

# Not `setdefault`: this module serves one project, whatever the surrounding process was started for.
os.environ["DJANGO_SETTINGS_MODULE"] = "hosting.provider.settings"
# `prepare_provider` runs the system checks; a worker starts more quickly without them.
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

app = Celery("sharedeck-provider")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["hosting.provider"])
app.steps["worker"].add(Ticker)
