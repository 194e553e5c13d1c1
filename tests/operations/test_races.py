"""Two at work on the same operation: whoever comes second finds the row as it is, and nothing is lost or doubled."""

import pytest
from django.utils import timezone

from hosting.accounts.limits import Priority
from hosting.accounts.models import Account
from hosting.accounts.sessions import client_for
from hosting.operations import conclude, kinds
from hosting.operations import send as sending
from hosting.operations.models import Operation
from hosting.operations.states import State
from hosting.operations.submit import submit
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine

BUY = kinds.AddProduct("shares", 2, "1m")


def test_an_answer_that_comes_after_its_worker_was_taken_for_dead_still_counts(
    account: Account, owner: Membership, engine: Engine, remote: Member
) -> None:
    operation = submit(BUY, account=account, by=owner)
    engine.queue.clear()
    answer = remote.hosting_account_product_add("shares", 2, "1m")
    Operation.objects.filter(pk=operation.pk).update(state=State.UNCERTAIN, sent_at=timezone.now())
    sending._accept(operation, BUY, answer)
    operation.refresh_from_db()
    assert (operation.state, operation.remote_id) == (State.TRACKED, answer)
    assert not conclude.adopt(operation, State.SENDING, answer)
