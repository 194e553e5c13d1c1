"""How gunicorn serves the panel: `gunicorn -c python:panel.serving panel.wsgi`.

Decision: docs/decisions/0027-web-server.md
"""

import gc
import os
from typing import Any

from safekeeping.settings_values import Env, in_one_sentence

env = Env()
with in_one_sentence():
    # Pages are work for the processor: one process for each, and one more to fill pauses.
    workers = env.int("WEB_WORKERS", default=min(8, (os.cpu_count() or 1) + 1), least=1)
    # Threads only read and write (`panel.turns`): as many slow clients are served beside the quick ones.
    threads = env.int("WEB_THREADS", default=16, least=1)
bind = os.environ.get("BIND") or "127.0.0.1:8000"
worker_class = "gthread"
keepalive = 15
loglevel = "warning"
control_socket_disable = True
# No request says where the application is mounted, or that it came over TLS. Gunicorn would believe that of any client
# whose request a proxy on the same machine passes on; Django reads X-Forwarded-Proto itself, when `HTTPS` is on.
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
header_map = "drop"
# Processes share the memory of what was imported before they were forked.
preload_app = True


def when_ready(server: Any) -> None:
    """Load views and templates once for all workers, so that their memory is shared and the first page is quick.

    What was loaded is left out of later collections: they would write to its memory, and so copy it.
    """
    from django.conf import settings  # noqa: PLC0415 (the application sets Django up)
    from django.template.loader import get_template  # noqa: PLC0415
    from django.urls import get_resolver  # noqa: PLC0415

    _ = get_resolver().url_patterns
    directory = settings.BASE_DIR / "templates"
    for file in sorted(directory.rglob("*.html")):
        get_template(str(file.relative_to(directory)))
    gc.collect()
    gc.freeze()
