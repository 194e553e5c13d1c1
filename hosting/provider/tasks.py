"""The provider's background job, and how calls enqueue it."""

import logging

from django.db import transaction
from kombu.exceptions import OperationalError

from hosting.provider.celery import app
from hosting.provider.engine import run

log = logging.getLogger(__name__)


@app.task(name="provider.run_operations")
def run_operations() -> None:
    """Run whatever operation is due. The worker looks twice a second anyway: see `ticker`."""
    run.run_due()


def _ask() -> None:
    try:
        run_operations.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        log.warning("the broker does not answer (%r): the worker finds the operations by itself", error)


def wake_engine() -> None:
    """Have the worker look at the operations, as soon as the current transaction is committed."""
    transaction.on_commit(_ask)
