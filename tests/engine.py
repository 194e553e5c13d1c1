"""An account of the panel at the real provider, and the engine run in this process: jobs are taken from where domain
code asks for them, in the order it did.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from hosting import jobs, tasks
from hosting.accounts import store
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.api import Transport
from hosting.operations import sweep
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Role
from tests.contract.conftest import PASSWORD, Member
from tests.processes import Provider

HANDLES = """
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import transaction
from hosting.provider.models import Handle
from hosting.provider.seed import add_handle
# One round: hundreds of tests sign in.
password = PBKDF2PasswordHasher().encode("passw0rd-of-a-test", "salt", iterations=1)
with transaction.atomic():
    for number in range(240):
        add_handle(f"E{number:02}-TEST", f"Engine {number}", "500.00")
    Handle.objects.filter(handle__startswith="E", handle__endswith="-TEST").update(password=password)
"""


class Engine:
    """Runs what a worker and beat would run."""

    def __init__(self) -> None:
        self.queue: deque[tuple[jobs.Job, tuple[int | str, ...]]] = deque()

    def drain(self) -> None:
        while self.queue:
            job, arguments = self.queue.popleft()
            getattr(tasks, job.value.rpartition(".")[2])(*arguments)

    def until(self, done: Callable[[], object], seconds: float = 40) -> None:
        """Sweep and work until `done()` is true."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, list(Operation.objects.values())
            sweep.sweep()
            self.drain()
            time.sleep(0.05)

    def finish(self, operation: Operation, seconds: float = 15) -> Operation:
        """Work until the operation is final, and return it afresh."""

        def is_final() -> bool:
            operation.refresh_from_db()
            return not operation.is_open

        self.until(is_final, seconds)
        return operation


@pytest.fixture
def engine(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Engine:
    settings.API_CONNECT_TIMEOUT_S = 1.0
    settings.API_READ_TIMEOUT_S = 2.5
    settings.UNCERTAIN_GRACE_S = 0.4
    settings.API_RATE_LIMIT = 0
    # Version 1 of the API alone; `tests/operations/lifecycle/test_once.py` uses the extensions.
    settings.API_EXTENSIONS = False
    store.connection().flushdb()
    running = Engine()
    monkeypatch.setattr(jobs, "_send", lambda job, arguments: running.queue.append((job, arguments)))
    return running


@pytest.fixture(scope="session")
def handles(provider: Provider) -> Iterator[str]:
    provider.shell(HANDLES)
    return iter([f"E{number:02}-TEST" for number in range(240)])


@pytest.fixture
def remote(provider: Provider, handles: Iterator[str]) -> Member:
    """The other side, seen by an independent client: a reseller with eight free shares."""
    member = Member(provider.url, next(handles))
    member.buy(8)
    return member


@pytest.fixture
def owner(transactional_db: None) -> Membership:
    user = User.objects.create_user("owner@example.org")
    return Membership.objects.create(team=Team.objects.create(name="Team"), user=user, role=Role.OWNER)


@pytest.fixture
def account(engine: Engine, owner: Membership, remote: Member) -> Account:
    """The reseller's account in the panel, imported."""
    endpoint = Endpoint.objects.create(name="Provider", url=remote.url)
    account = Account.objects.create(
        team=owner.team,
        endpoint=endpoint,
        label="Reseller",
        login=remote.handle,
        handle=remote.handle,
        sealed_password=seal(PASSWORD),
    )
    engine.until(lambda: Account.objects.filter(pk=account.pk, mirrored_at__isnull=False).exists())
    account.refresh_from_db()
    return account


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of the API calls that are made."""
    calls: list[str] = []
    real = Transport.call

    def counting(self: Transport, method: str, *arguments: Any, **options: Any) -> Any:
        calls.append(method)
        return real(self, method, *arguments, **options)

    monkeypatch.setattr(Transport, "call", counting)
    return calls
