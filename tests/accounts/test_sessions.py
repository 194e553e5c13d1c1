"""One session for each login and handle, shared by all workers, sealed, and renewed when it ends."""

import time
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import OperationalError
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import tasks
from hosting.accounts import availability, sessions, signing_in, store
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import UnreadableSecretError, seal, unseal
from hosting.accounts.session_store import session_key
from hosting.accounts.sessions import AccountStoppedError, ApiSession, client_for
from hosting.api import Client, SessionFault, login
from hosting.operations import sweep
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.states import State
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team
from tests.concurrently import by_threads
from tests.contract.conftest import PASSWORD, Member
from tests.engine import Engine
from tests.processes import Provider


def logins(provider: Provider, handle: str) -> int:
    """How many sessions the provider has opened for this login by `login`, `su` apart."""
    sessions = f"ApiSession.objects.filter(login__handle='{handle}', safe=True).count()"
    return int(provider.shell(f"from hosting.provider.models import *; print({sessions})"))


def store_credentials(account: Account, *, password: str = PASSWORD, handle: str = "") -> None:
    """Give the account what an earlier test of it accepted: the provider may have changed its mind since."""
    account.sealed_password, account.handle = seal(password), handle or account.handle
    account.trouble = Account.Trouble.NONE
    account.save()


def test_many_jobs_on_a_cold_cache_log_in_once(account: Account, provider: Provider, remote: Member) -> None:
    store.connection().flushdb()
    before = logins(provider, remote.handle)
    sessions = by_threads(20, [partial(client_for, account, Priority.MEMBER)] * 50)
    assert len(sessions) == 50
    assert logins(provider, remote.handle) == before + 1


def test_session_in_redis_is_sealed(account: Account) -> None:
    client_for(account, Priority.MEMBER)
    sealed = store.connection().get(session_key(account, PASSWORD))
    assert isinstance(sealed, str)
    session_id = unseal(sealed)
    assert session_id
    assert session_id not in sealed


def test_expired_session_is_renewed_automatically(account: Account, owner: Membership, engine: Engine) -> None:
    key = session_key(account, PASSWORD)
    store.connection().set(key, seal("a-session-that-is-over"))
    operation = submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner)
    assert engine.finish(operation).state == State.DONE


def test_parallel_reads_survive_an_expired_session(account: Account) -> None:
    store.connection().set(session_key(account, PASSWORD), seal("a-session-that-is-over"))
    session = client_for(account, Priority.MIRROR)
    assert session.gather([Client.vm_list, Client.disk_list]) == [[], []]


def test_wrong_credentials_stop_the_account_until_corrected(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    store_credentials(account, password="not-the-passw0rd")
    attempts = []
    for _ in range(5):
        with pytest.raises(AccountStoppedError):
            client_for(account, Priority.MEMBER)
        account.refresh_from_db()
        attempts.append(account.trouble)
    assert attempts == [Account.Trouble.CREDENTIALS] * 5
    store_credentials(account, password=PASSWORD)
    client_for(account, Priority.MEMBER)


def test_ten_jobs_with_a_wrong_password_log_in_once_and_are_audited(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = [submit(catalogue.AddProduct("shares", 1, "1m"), account=account, by=owner) for _ in range(10)]
    engine.queue.clear()
    store_credentials(account, password="not-the-passw0rd")
    logins = []

    def counted(*arguments: Any, **options: Any) -> str:
        logins.append(arguments)
        return login(*arguments, **options)

    monkeypatch.setattr("hosting.accounts.signing_in.login", counted)
    by_threads(10, [partial(tasks.send, operation.pk) for operation in operations])
    tasks.refresh(account.pk)
    tasks.track(account.pk)
    assert len(logins) == 1
    for operation in operations:
        operation.refresh_from_db()
        assert (operation.state, operation.problem["reason"]) == (State.NOT_SENT, "account")
    # The sweep asks for nothing more, and the team can read why.
    Account.objects.update(round_due_at=None, track_due_at=None)
    engine.queue.clear()
    sweep.sweep()
    assert not engine.queue
    entry = AuditEntry.objects.get(action="account.stopped")
    assert (entry.actor, entry.detail) == (None, {"trouble": "credentials"})


def test_foreign_handle_stops_the_account(account: Account) -> None:
    store_credentials(account, handle="AA1234-GANDI")
    with pytest.raises(AccountStoppedError):
        client_for(account, Priority.MEMBER)
    account.refresh_from_db()
    assert account.trouble == Account.Trouble.HANDLE


def test_wrong_password_of_another_team_does_not_use_a_cached_session(account: Account) -> None:
    client_for(account, Priority.MEMBER)
    other = Account.objects.create(
        team=Team.objects.create(name="Other"),
        endpoint=account.endpoint,
        label="Theirs",
        login=account.login,
        handle=account.handle,
        sealed_password=seal("not-the-passw0rd"),
    )
    with pytest.raises(AccountStoppedError):
        client_for(other, Priority.MEMBER)


def test_old_key_still_opens_secrets_after_rotation(settings: Settings) -> None:
    sealed = seal("secret")
    settings.SEAL_KEYS = [Fernet.generate_key().decode(), *settings.SEAL_KEYS]
    assert unseal(sealed) == "secret"
    settings.SEAL_KEYS = settings.SEAL_KEYS[:1]
    with pytest.raises(UnreadableSecretError):
        unseal(sealed)


def test_lost_key_stops_the_account(account: Account, settings: Settings) -> None:
    settings.SEAL_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(AccountStoppedError):
        client_for(account, Priority.MEMBER)
    account.refresh_from_db()
    assert account.trouble == Account.Trouble.SEAL


def test_endpoint_is_available_after_connecting(account: Account) -> None:
    assert Endpoint.objects.filter(pk=account.endpoint_id, away_since=None).exists()


def test_session_fault_during_login_does_not_stop_the_account(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_arguments: object) -> str:
        raise SessionFault(510240, "DataError: unknown session")

    monkeypatch.setattr(signing_in, "su", ended)
    store.connection().flushdb()
    with pytest.raises(SessionFault):
        client_for(account, Priority.MEMBER)
    account.refresh_from_db()
    assert account.trouble == Account.Trouble.NONE


def test_late_refusal_of_an_old_handle_does_not_stop_the_account(
    account: Account,
) -> None:
    late = ApiSession(Account.objects.select_related("endpoint", "team").get(pk=account.pk), Priority.MIRROR)
    store_credentials(account, handle="CORRECTED")
    late._stop(Account.Trouble.HANDLE)
    account.refresh_from_db()
    assert account.trouble == Account.Trouble.NONE


def test_waiting_for_another_workers_login_is_bounded(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_LOCK_WAIT_S", 0.2)
    store.connection().flushdb()
    store.connection().lock(f"login:{session_key(account, PASSWORD)}", timeout=60).acquire()
    with pytest.raises(NoAllowanceError):
        client_for(account, Priority.MEMBER)


def test_login_lock_of_a_killed_worker_expires(
    account: Account, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.API_CONNECT_TIMEOUT_S = settings.API_READ_TIMEOUT_S = 0.1
    monkeypatch.setattr(sessions, "_LOCK_SPARE_S", 0.1)
    redis = store.connection()
    redis.flushdb()

    def die(_session: ApiSession, _password: str) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ApiSession, "_log_in", die)
        # Nobody releases the lock of who was killed.
        patch.setattr("redis.lock.Lock.release", lambda _lock: None)
        with pytest.raises(KeyboardInterrupt):
            client_for(account, Priority.MEMBER)
    assert 0 < redis.pttl(f"login:{session_key(account, PASSWORD)}") <= 500
    settings.API_READ_TIMEOUT_S = 5.0
    client_for(account, Priority.MEMBER)


def test_answer_survives_a_database_error_while_recording_it(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    session = client_for(account, Priority.MEMBER)

    def refuse(*_arguments: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(availability, "record_answer", refuse)
    assert session.call(Client.vm_list) == []


def test_round_gives_its_thread_back_while_members_use_the_allowance(
    account: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = client_for(account, Priority.MIRROR)
    settings.API_RATE_LIMIT = 1
    monkeypatch.setitem(sessions._PATIENCE_S, Priority.MIRROR, 0.5)
    session.call(Client.vm_list)
    began = time.monotonic()
    with pytest.raises(NoAllowanceError):
        session.call(Client.vm_list)
    assert time.monotonic() - began < 1
    # As the task does, which asks for the round again in two seconds.
    tasks.refresh(account.pk)
    account.refresh_from_db()
    assert account.round_due_at is not None
    assert account.round_due_at <= timezone.now() + timedelta(seconds=2)
