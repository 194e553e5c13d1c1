"""One line in the log for a request that was refused (4xx), instead of a traceback; and few lines for many of a kind.

Anybody can cause such a request: a host that is not ours, a form without its token, a body that is cut off or too
large, a page that is not theirs. Nothing is broken then. The line has the method, the path without its query, the
reason and the address that it came from.
"""

import ipaddress
import logging
import time
from http import HTTPStatus
from threading import Lock

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent

from hosting.web.access.origin import client_address
from panel.logs import scrub

WINDOW_S = 600.0
_FIRST = 3
# Kinds that are counted one by one; after that all others count as one, so that memory stays small.
_MOST = 1_000
_LONGEST_PATH = 200


class Refused(logging.Filter):
    """Rewrites the records of refused requests, and drops all but the first three and the 10th, 100th, 1000th of one
    reason and address.

    Each process of the web server counts for itself.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._counts: dict[tuple[str, str], int] = {}
        self._since = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        status, request = getattr(record, "status_code", 0), getattr(record, "request", None)
        if request is None or not 400 <= status < 500:
            return True
        reason, address = _reason(record, status), client_address(request)
        if record.exc_info and isinstance(record.exc_info[1], RequestDataTooBig | TooManyFieldsSent):
            # As it is answered; Django calls it a bad request.
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE.value
        times = self._count(reason, _network(address))
        if times > _FIRST and str(times).strip("0") != "1":
            return False
        record.exc_info = record.exc_text = None
        path = scrub(request.path[:_LONGEST_PATH].encode("unicode_escape").decode("ascii"))
        again = f", {times} times in ten minutes" if times > _FIRST else ""
        record.msg = "%s: %s (%s, %s, from %s%s)"
        record.args = (reason, path, request.method, status, address or "nowhere", again)
        return True

    def _count(self, reason: str, network: str) -> int:
        with self._lock:
            now = time.monotonic()
            if now - self._since >= WINDOW_S:
                self._counts, self._since = {}, now
            key = (reason, network)
            if key not in self._counts and len(self._counts) >= _MOST:
                key = ("", "")
            self._counts[key] = self._counts.get(key, 0) + 1
            return self._counts[key]


def _reason(record: logging.LogRecord, status: int) -> str:
    """Why: the name of the error, never its text, which may quote what was sent; for a form what its token lacks."""
    if record.exc_info and record.exc_info[0]:
        return record.exc_info[0].__name__
    if record.name == "django.security.csrf" and isinstance(record.args, tuple) and len(record.args) == 2:
        return f"Forbidden ({scrub(str(record.args[0]))})"
    return HTTPStatus(status).phrase


def _network(address: str) -> str:
    """An IPv6 address stands for its /64 network, of which one client has all."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else address
