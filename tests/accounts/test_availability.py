"""An endpoint that does not answer is noticed at the third call, probed by one call at a time, and comes back by
itself. Other endpoints are untouched.
"""

import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pytest
import redis
from django.utils import timezone

from hosting.accounts import availability
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.accounts.sessions import client_for
from hosting.api import ApiError, Client, NotEncodable
from hosting.jobs import Job
from hosting.operations import sweep
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.concurrently import by_threads
from tests.contract.conftest import PASSWORD, Member
from tests.engine import Engine

BUY = catalogue.AddProduct("shares", 1, "1m")


class Silent:
    """A server that takes calls and hangs up, and counts them."""

    def __init__(self) -> None:
        self.calls = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/xmlrpc/"
        threading.Thread(target=self._hang_up, daemon=True).start()

    def _hang_up(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.calls += 1
            connection.close()


@pytest.fixture
def silent() -> Iterator[Silent]:
    server = Silent()
    yield server
    server.listener.close()


@pytest.fixture
def other(account: Account, remote: Member) -> Account:
    """The same team's account at another endpoint."""
    return Account.objects.create(
        team=account.team,
        endpoint=Endpoint.objects.create(name="Other", url=remote.url),
        label="Other",
        login=remote.handle,
        handle=remote.handle,
        sealed_password=seal(PASSWORD),
    )


def move(account: Account, url: str) -> None:
    Endpoint.objects.filter(pk=account.endpoint_id).update(url=url)
    account.endpoint.refresh_from_db()


def call(account: Account) -> None:
    """One call, answered or not."""
    fresh = Account.objects.select_related("endpoint", "team").get(pk=account.pk)
    try:
        client_for(fresh, Priority.TRACKING).call(Client.vm_list)
    except ApiError:
        return


def away_since(account: Account) -> object:
    return Endpoint.objects.values_list("away_since", flat=True).get(pk=account.endpoint_id)


def test_third_unanswered_call_marks_the_endpoint_away_since_the_first(account: Account, silent: Silent) -> None:
    move(account, silent.url)
    before = timezone.now()
    call(account)
    after = timezone.now()
    call(account)
    assert away_since(account) is None
    call(account)
    since = away_since(account)
    assert since
    assert before <= since <= after  # type: ignore[operator]
    assert silent.calls == 3


def test_answer_resets_the_count(account: Account, silent: Silent, remote: Member) -> None:
    for url in (silent.url, silent.url, remote.url, silent.url, silent.url):
        move(account, url)
        call(account)
    assert away_since(account) is None


def test_unanswered_calls_of_all_workers_count_together(account: Account, silent: Silent) -> None:
    move(account, silent.url)
    by_threads(3, [partial(availability.record_no_answer, account.endpoint_id)] * 3)
    assert away_since(account)


def test_unencodable_call_does_not_count_as_an_answer(account: Account, silent: Silent) -> None:
    availability.record_no_answer(account.endpoint_id)
    availability.record_no_answer(account.endpoint_id)

    def unsendable(_client: Client) -> None:
        raise NotEncodable("a control character")

    session = client_for(account, Priority.MEMBER)
    with pytest.raises(NotEncodable):
        session.call(unsendable)
    availability.record_no_answer(account.endpoint_id)
    assert away_since(account)


def test_one_unanswered_call_or_one_answer_decides_without_redis(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> redis.Redis:
        raise redis.ConnectionError

    monkeypatch.setattr(availability, "connection", gone)
    availability.record_no_answer(account.endpoint_id)
    assert away_since(account)
    availability.record_answer(Endpoint.objects.get(pk=account.endpoint_id))
    assert away_since(account) is None


def test_other_endpoints_stay_available(
    account: Account, other: Account, owner: Membership, engine: Engine, silent: Silent
) -> None:
    move(account, silent.url)
    for _ in range(3):
        call(account)
    assert away_since(account)
    assert away_since(other) is None
    engine.until(lambda: Account.objects.filter(pk=other.pk, mirrored_at__isnull=False).exists())
    assert engine.finish(submit(BUY, account=other, by=owner)).state == State.DONE


def test_away_endpoint_gets_one_probe_at_a_time_at_growing_intervals(
    account: Account, owner: Membership, engine: Engine, silent: Silent
) -> None:
    move(account, silent.url)
    for _ in range(3):
        call(account)
    now = timezone.now()
    states = [State.TRACKED, State.UNCERTAIN, State.ANSWERED, State.WAITING]
    for number in range(40):
        Operation.objects.create(
            account=account,
            requested_by=owner.user,
            kind=BUY.method,
            params=BUY.as_params(),
            state=states[number % 4],
            remote_id=number + 90_000,
            sent_at=now,
            due_at=now,
        )
    # Jobs that had been asked for before anybody knew.
    Account.objects.update(track_due_at=None, round_due_at=None)
    engine.queue += [(Job.TRACK, (account.pk,)), (Job.REFRESH, (account.pk,))]
    for pk in Operation.objects.filter(account=account).values_list("pk", flat=True):
        engine.queue += [(Job.SETTLE, (pk,)), (Job.IDENTIFY, (pk,))]
    pauses = []
    for away_s, sweeps in ((0, 1), (60, 5), (600, 5)):
        since = timezone.now() - timedelta(seconds=away_s)
        Endpoint.objects.filter(pk=account.endpoint_id).update(away_since=since, probe_due_at=timezone.now())
        before = silent.calls
        for _ in range(sweeps):
            sweep.sweep()
            engine.drain()
        assert silent.calls == before + 1
        account.endpoint.refresh_from_db()
        assert account.endpoint.probe_due_at
        pauses.append((account.endpoint.probe_due_at - timezone.now()).total_seconds())
    # About 2, 15 and 60 seconds, as far as a busy machine lets one measure.
    assert pauses[0] < 3 < pauses[1] < 25 < pauses[2] <= 60
    # What waited is told not to have been sent, without a call each.
    assert not Operation.objects.filter(state=State.WAITING).exists()


def test_answered_probe_makes_the_endpoint_available_again(
    account: Account, owner: Membership, engine: Engine, silent: Silent, remote: Member
) -> None:
    move(account, silent.url)
    for _ in range(3):
        call(account)
    shown = account.version
    move(account, remote.url)
    bought = remote.hosting_account_product_add("shares", 1, "1m")
    remote.done(bought)
    Endpoint.objects.update(probe_due_at=timezone.now())
    engine.until(lambda: away_since(account) is None)
    account.refresh_from_db()
    assert account.version > shown
    engine.until(lambda: Operation.objects.filter(account=account, remote_id=bought).exists())
    assert engine.finish(submit(BUY, account=account, by=owner)).state == State.DONE


def test_no_second_probe_while_one_is_pending(account: Account) -> None:
    now = timezone.now()
    Endpoint.objects.update(away_since=now - timedelta(minutes=1), probe_due_at=now)
    assert availability.may_call(account.endpoint)
    assert not availability.may_call(account.endpoint)
    account.endpoint.refresh_from_db()
    assert account.endpoint.probe_due_at
    assert account.endpoint.probe_due_at > now + timedelta(seconds=2)


def test_troubled_account_does_not_probe(account: Account) -> None:
    now = timezone.now()
    Endpoint.objects.update(away_since=now, probe_due_at=now)
    assert availability.probes_due(now) == [account.pk]
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    assert availability.probes_due(now) == []
