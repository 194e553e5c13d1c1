"""The sweep queues only jobs that are due and possible."""

import pytest
from django.utils import timezone

from hosting.accounts.models import Account, Endpoint
from hosting.jobs import Job
from hosting.operations import sweep
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine

BUY = catalogue.AddProduct("shares", 2, "1m")


def test_operation_waiting_on_a_troubled_account_is_not_sent(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    assert engine.finish(operation).state == State.NOT_SENT
    assert len(remote.operation_list({"type": BUY.method})) == 1


@pytest.mark.parametrize("state", [State.UNCERTAIN, State.ANSWERED])
def test_sweep_skips_an_unavailable_endpoint(account: Account, owner: Membership, engine: Engine, state: State) -> None:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    now = timezone.now()
    Operation.objects.filter(pk=operation.pk).update(state=state, sent_at=now, due_at=now)
    Endpoint.objects.update(away_since=now, probe_due_at=now)
    sweep.sweep()
    assert operation.pk not in [arguments[0] for job, arguments in engine.queue if job in {Job.SETTLE, Job.IDENTIFY}]
    Endpoint.objects.update(away_since=None)
    Operation.objects.filter(pk=operation.pk).update(due_at=now)
    sweep.sweep()
    assert operation.pk in [arguments[0] for job, arguments in engine.queue if job in {Job.SETTLE, Job.IDENTIFY}]
