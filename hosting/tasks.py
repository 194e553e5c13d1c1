"""Celery tasks. A task loads its row and calls the domain; the sweep enqueues it again if that fails."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
from celery import shared_task

from hosting.accounts import availability, credential_test, versions
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import AccountStoppedError, ApiSession, client_for
from hosting.api import ApiError, DataFault
from hosting.inventory import mirror, mirror_figures, unread
from hosting.inventory import refresh as member_refresh
from hosting.jobs import Job
from hosting.mail import outbox
from hosting.operations import rounds
from hosting.operations.bulk import advance as bulks
from hosting.operations.lifecycle import cancel as cancelling
from hosting.operations.lifecycle import settle as settling
from hosting.operations.lifecycle import track as tracking
from hosting.operations.lifecycle.send import send as send_operation
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.operations.plans import advance as plans
from hosting.operations.sweep import sweep as sweep_all
from hosting.teams.audit import sign_ins

log = logging.getLogger(__name__)


@contextmanager
def _next_time(what: str, on_failure: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Let the sweep retry work that failed because the API or Redis was unavailable: the row says what is due."""
    try:
        yield
    except (ApiError, AccountStoppedError, NoAllowanceError, redis.RedisError) as error:
        log.info("%s waits for the next time: %s", what, type(error).__name__)
        on_failure()


@shared_task(name=Job.SEND.value)
def send(operation_id: int) -> None:
    send_operation(operation_id)


@shared_task(name=Job.IDENTIFY.value)
def identify(operation_id: int) -> None:
    _with_operation(operation_id, State.ANSWERED, tracking.identify)


@shared_task(name=Job.SETTLE.value)
def settle(operation_id: int) -> None:
    _with_operation(operation_id, State.UNCERTAIN, settling.settle)


@shared_task(name=Job.CANCEL.value)
def cancel(operation_id: int) -> None:
    cancelling.send(operation_id)


@shared_task(name=Job.ADVANCE.value)
def advance(plan_id: int) -> None:
    plans.advance(plan_id)


@shared_task(name=Job.ADVANCE_BULK.value)
def advance_bulk(bulk_id: int) -> None:
    bulks.advance(bulk_id)


@shared_task(name=Job.TRACK.value)
def track(account_id: int) -> None:
    account = _account(account_id)
    if availability.may_call(account.endpoint):
        with _next_time("tracking"):
            rounds.watch(account)


@shared_task(name=Job.REFRESH.value)
def refresh(account_id: int) -> None:
    account = _account(account_id)
    if not availability.may_call(account.endpoint):
        return
    with rounds.slot(account) as is_free:
        if not is_free:
            rounds.retry_round_soon(account)
            return
        with _next_time("a round", lambda: rounds.retry_round_soon(account)):
            try:
                rounds.round_of(account)
            except ApiError as error:
                unread.record(account, error)
                raise


@shared_task(name=Job.PROVE.value)
def prove(candidate_id: int) -> None:
    credential_test.run(candidate_id)


@shared_task(name=Job.READ_LINKS.value)
def read_links(account_id: int, vm_id: int) -> None:
    account = _account(account_id)
    if availability.may_call(account.endpoint):
        with _next_time("how disks hang on a server"):
            try:
                mirror.read_links(client_for(account, Priority.TRACKING), vm_id)
            except DataFault:
                raise
            except (ApiError, NoAllowanceError):
                member_refresh.links_not_read(account, vm_id)
                raise


@shared_task(name=Job.READ_FIGURES.value)
def read_figures(account_id: int, vm_id: int) -> None:
    account = _account(account_id)
    if availability.may_call(account.endpoint):
        # An open page asks again after a minute.
        with _next_time("what a server uses"):
            mirror_figures.read(client_for(account, Priority.TRACKING), vm_id)


@shared_task(name=Job.SEND_MAIL.value)
def send_mail(mail_id: int) -> None:
    outbox.send(mail_id)


@shared_task(name=Job.LOOK_AGAIN.value)
def look_again(team_id: int) -> None:
    versions.bump_all(team_id)


@shared_task(name=Job.NOTE_FAILED_SIGN_IN.value)
def note_failed_sign_in(user_id: int, address: str, attempts: int) -> None:
    sign_ins.record_failed_sign_in(user_id, address, attempts)


@shared_task(name=Job.PULSE.value)
def pulse() -> None:
    """Nothing else: that a job of the background begins is its sign of life (`accounts.pulse`)."""


@shared_task(name=Job.SWEEP.value)
def sweep() -> None:
    sweep_all()


def _account(account_id: int) -> Account:
    return Account.objects.select_related("endpoint", "team").get(pk=account_id)


def _with_operation(operation_id: int, state: State, do: Callable[[Operation, ApiSession], None]) -> None:
    operation = (
        Operation.objects.select_related("account__endpoint", "account__team")
        .filter(pk=operation_id, state=state)
        .first()
    )
    if operation is None or operation.account.endpoint.away_since:
        return
    with _next_time(operation.kind):
        do(operation, client_for(operation.account, Priority.TRACKING))
