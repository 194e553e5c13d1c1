"""How gunicorn serves the provider: `gunicorn -c python:hosting.provider.serving hosting.provider.wsgi`.

Its workers are forked from one process that has loaded the provider: that is what lets them count scripted faults
together (`scripted_faults`).
"""

import gc
import os
from typing import Any

from safekeeping.settings_values import Env, in_one_sentence

env = Env()
with in_one_sentence():
    workers = env.int("PROVIDER_WORKERS", default=min(8, os.cpu_count() or 1), least=1)
    # Threads only read, write and wait: calls are executed one at a time in each process (`endpoint.view`). Of these,
    # 224 may sleep in held calls (`endpoint.holding`) and 16 in logins (`endpoint.logins`). A thread is made when
    # needed.
    threads = env.int("PROVIDER_THREADS", default=256, least=1)
bind = os.environ.get("PROVIDER_BIND") or "127.0.0.1:8010"
worker_class = "gthread"
# Longer than clients keep an unused connection.
keepalive = 75
loglevel = "warning"
control_socket_disable = True
# No request says where the application is mounted, or that it came over TLS. Gunicorn would believe that of any client
# whose request a proxy on the same machine passes on; Django reads X-Forwarded-Proto itself, when `HTTPS` is on.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
header_map = "drop"
preload_app = True


def when_ready(server: Any) -> None:
    """Leave what was imported out of later collections: they would write to its pages, and so copy them."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Answer held calls at once when the process is asked to end."""
    from hosting.provider.endpoint import holding  # noqa: PLC0415 (the application sets Django up)

    holding.stop_when(lambda: not worker.alive)
