"""What logs must not hold. Tracebacks have no values of variables; what is left to take out is in addresses."""

import logging
import re
from typing import Any

# No part of the panel's own addresses is as long as this; links that set passwords or bring people in are.
_SECRET_PART = re.compile(r"[^/\s?]{20,}")


class NoSecrets(logging.Filter):
    """Takes the secret parts out of requested addresses, and tells what a stranger did wrong without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            # A host or a form that makes no sense is refused; nothing here is broken.
            record.exc_info = record.exc_text = None
            record.msg, record.args = _scrub(record.getMessage()), ()
        elif hasattr(record, "request") and isinstance(record.args, tuple):
            record.args = tuple(_scrub(value) for value in record.args)
        return True


def _scrub(value: Any) -> Any:
    return _SECRET_PART.sub("…", value) if isinstance(value, str) else value
