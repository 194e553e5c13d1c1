"""One request at a time in each process of a web server that reads and writes with many threads.

Threads of one process compete for the interpreter: eight pages at once take longer than eight in a row. Threads are
still needed, because a client that sends slowly keeps one busy. So a request is read by its thread, waits for its turn,
is worked on alone, and is sent by its thread.
"""

import threading
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# A request that waits for a database or for Redis must not stop the others: they wait no longer than this.
PATIENCE_S = 0.3
# Forms are far smaller. Django refuses larger ones, before it has read them.
BODY_MAX_BYTES = 2_500_000


def one_at_a_time(application: Application) -> Application:
    """The same WSGI application, worked on by one thread of a process at a time."""
    turn = threading.Semaphore(1)

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH") or "0"
        if length.isdigit() and 0 < int(length) <= BODY_MAX_BYTES:
            # A slow sender must not keep the turn.
            environ["wsgi.input"] = BytesIO(environ["wsgi.input"].read(int(length)))
        has_turn = turn.acquire(timeout=PATIENCE_S)
        try:
            return application(environ, start_response)
        finally:
            if has_turn:
                turn.release()

    return serve
