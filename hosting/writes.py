"""Write what can't be learnt again, however long the database is away for a moment."""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, InternalError, OperationalError, close_old_connections

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds between two tries, for an hour: as long as an upgrade of PostgreSQL may take.
PAUSES_S = (0.1, 0.3, 1, *[3.0] * 1200)
# InternalError: after a failover the server may take no writes for a moment.
AWAY = (OperationalError, InterfaceError, InternalError)


def keep_trying(write: Callable[[], Result], what: str) -> Result:
    """Run `write`, and run it again on a new connection when the database is away. It must be repeatable.

    Raises:
        OperationalError, InterfaceError, InternalError: the database was away for longer than all pauses together.
    """
    for pause_s in PAUSES_S:
        try:
            return write()
        except AWAY as error:
            log.warning("The database did not take %s (%s); trying again", what, type(error).__name__)
            time.sleep(pause_s)
            close_old_connections()
    return write()
