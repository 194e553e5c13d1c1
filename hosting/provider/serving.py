"""How gunicorn serves the provider: `gunicorn -c python:hosting.provider.serving hosting.provider.wsgi`.

Its workers are forked from one process that has loaded the provider: that is what lets them count scripted faults
together (`scripted_faults`).
"""

import gc
import os
from typing import Any

workers = int(os.environ.get("PROVIDER_WORKERS") or min(8, os.cpu_count() or 1))
# Threads only read, write and wait: calls are executed one at a time in each process (`endpoint.view`).
threads = int(os.environ.get("PROVIDER_THREADS") or 32)
bind = os.environ.get("PROVIDER_BIND") or "127.0.0.1:8010"
worker_class = "gthread"
# Longer than clients keep an unused connection.
keepalive = 75
loglevel = "warning"
control_socket_disable = True
preload_app = True


def when_ready(server: Any) -> None:
    """Leave what was imported out of later collections: they would write to its pages, and so copy them."""
    gc.collect()
    gc.freeze()
