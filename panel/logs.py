"""Keep secrets out of logs. Tracebacks show no values of variables, so only addresses have to be scrubbed."""

import logging
import re
from typing import Any

# No part of the panel's own addresses is as long as this; links that set passwords or bring people in are.
_SECRET_PART = re.compile(r"[^/\s?]{20,}")


class NoSecrets(logging.Filter):
    """Removes secrets from requested addresses, and logs invalid requests without a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security"):
            # A host or a form that makes no sense is refused; nothing here is broken.
            record.exc_info = record.exc_text = None
            record.msg, record.args = scrub(record.getMessage()), ()
        elif hasattr(record, "request") and isinstance(record.args, tuple):
            record.args = tuple(scrub(value) for value in record.args)
        return True


def scrub(value: Any) -> Any:
    """The text of an address without its secret parts; anything else as it is."""
    return _SECRET_PART.sub("…", value) if isinstance(value, str) else value
