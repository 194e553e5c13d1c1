"""New credentials stand beside the old ones until the provider has accepted them, whatever happens in between."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.db import IntegrityError
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import tasks
from hosting.accounts import connect, credential_rotation, credential_test, session_store, store
from hosting.accounts.limits import Priority
from hosting.accounts.models import Account, Candidate, Endpoint
from hosting.accounts.sealing import unseal
from hosting.accounts.sessions import client_for
from hosting.accounts.signing_in import sign_in
from hosting.api import Client, NotSent
from hosting.api.errors import fault_from
from hosting.inventory.models import AccountInfo
from hosting.jobs import Job
from hosting.operations import sweep
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import NotAllowedError, Role
from tests.contract.conftest import PASSWORD, Member
from tests.engine import Engine
from tests.processes import Provider

NEW = "n3w-passw0rd-of-a-test"
WRONG = "not-the-passw0rd-1"


def set_password(provider: Provider, handle: str, password: str) -> None:
    """Change the password at the provider."""
    provider.shell(
        "from django.contrib.auth.hashers import make_password; from hosting.provider.models import Handle; "
        f"Handle.objects.filter(handle='{handle}').update(password=make_password('{password}'))"
    )


def rotate(account: Account, owner: Membership, password: str, handle: str = "") -> Candidate:
    assert connect.update(account, by=owner, label=account.label, handle=handle or account.handle, password=password)
    return Candidate.objects.get(account=account)


def stored(account: Account) -> str:
    account.refresh_from_db()
    return unseal(account.sealed_password)


def works(account: Account) -> bool:
    fresh = Account.objects.select_related("endpoint", "team").get(pk=account.pk)
    store.connection().delete(session_store.session_key(fresh, unseal(fresh.sealed_password)))
    return client_for(fresh, Priority.MEMBER).call(Client.vm_list) == []


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def end_tests(engine: Engine) -> None:
    """Work until no test is open: on a busy machine a call may have no answer in time, and is then made again."""
    engine.until(lambda: not Candidate.objects.filter(state__in=Candidate.OPEN).exists())


def hang_up(*_arguments: object, **_options: object) -> str:
    raise NotSent("The provider cannot be reached.")


def test_accepted_password_replaces_the_old_one_and_its_session(
    account: Account, owner: Membership, engine: Engine, provider: Provider
) -> None:
    client_for(account, Priority.MEMBER)
    old_key = session_store.session_key(account, PASSWORD)
    candidate = rotate(account, owner, NEW)
    assert stored(account) == PASSWORD
    set_password(provider, account.login, NEW)
    engine.until(lambda: Candidate.objects.filter(state="accepted").exists())
    candidate.refresh_from_db()
    assert (stored(account), account.trouble, candidate.sealed_password) == (NEW, "", "")
    assert not store.connection().exists(old_key)
    assert session_store.get(session_store.session_key(account, NEW))
    assert works(account)
    assert actions() == ["account.test_asked", "account.test_accepted"]


REFUSED: list[tuple[str, str, str]] = [(WRONG, "", "credentials"), ("", "AA1234-GANDI", "handle")]


@pytest.mark.parametrize(("password", "handle", "refusal"), REFUSED)
def test_refused_credentials_change_nothing_despite_a_cached_session(
    account: Account, owner: Membership, engine: Engine, password: str, handle: str, refusal: str
) -> None:
    client_for(account, Priority.MEMBER)
    shown = account.version
    candidate = rotate(account, owner, password, handle)
    end_tests(engine)
    candidate.refresh_from_db()
    assert (candidate.state, candidate.refusal, candidate.sealed_password) == ("refused", refusal, "")
    assert candidate.said
    assert (stored(account), account.handle, account.trouble) == (PASSWORD, account.login, "")
    assert account.version > shown
    assert works(account)
    assert AuditEntry.objects.latest("id").detail == {"refusal": refusal}


def test_later_rotation_replaces_the_earlier_one(
    account: Account, owner: Membership, engine: Engine, provider: Provider
) -> None:
    first = rotate(account, owner, WRONG)
    second = rotate(account, owner, NEW)
    assert not Candidate.objects.filter(pk=first.pk).exists()
    set_password(provider, account.login, NEW)
    tasks.prove(first.pk)
    end_tests(engine)
    tasks.prove(second.pk)
    tasks.prove(first.pk)
    assert stored(account) == NEW
    assert Candidate.objects.get().state == Candidate.State.ACCEPTED
    assert AuditEntry.objects.filter(detail__replaced=True).count() == 1


def test_password_replaced_during_its_test_is_not_used(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rotate(account, owner, WRONG)

    def accepted_too_late(*_arguments: object, **_options: object) -> str:
        rotate(account, owner, NEW)
        return "a-session"

    monkeypatch.setattr(credential_test, "sign_in", accepted_too_late)
    tasks.prove(first.pk)
    assert stored(account) == PASSWORD
    left = Candidate.objects.get()
    assert (left.state, unseal(left.sealed_password)) == (Candidate.State.TESTING, NEW)


def test_two_workers_with_the_same_job_log_in_once(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = rotate(account, owner, PASSWORD)
    tries = []

    def slow(*_arguments: object, **_options: object) -> str:
        tries.append(1)
        tasks.prove(candidate.pk)
        return "a-session"

    monkeypatch.setattr(credential_test, "sign_in", slow)
    tasks.prove(candidate.pk)
    assert len(tries) == 1


def test_sweep_repeats_a_test_whose_worker_was_killed(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = rotate(account, owner, WRONG)
    engine.queue.clear()

    def die(*_arguments: object, **_options: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(credential_test, "sign_in", die)
        with pytest.raises(KeyboardInterrupt):
            tasks.prove(candidate.pk)
    Candidate.objects.update(due_at=timezone.now())
    sweep.sweep()
    assert (Job.PROVE, (candidate.pk,)) not in engine.queue, "somebody may still be at it"
    assert stored(account) == PASSWORD
    Candidate.objects.update(claimed_until=timezone.now() - timedelta(seconds=1), due_at=timezone.now())
    engine.until(lambda: Candidate.objects.filter(state="refused").exists())
    assert works(account)


def test_sweep_queues_a_lost_test_job_again(account: Account, owner: Membership, engine: Engine) -> None:
    candidate = rotate(account, owner, WRONG)
    engine.queue.clear()
    sweep.sweep()
    assert (Job.PROVE, (candidate.pk,)) not in engine.queue
    Candidate.objects.update(due_at=timezone.now())
    engine.until(lambda: Candidate.objects.filter(state="refused").exists())


def test_credential_test_waits_while_the_endpoint_is_away(
    account: Account, owner: Membership, engine: Engine, provider: Provider, remote: Member
) -> None:
    Endpoint.objects.update(url="http://127.0.0.1:9/xmlrpc/")
    candidate = rotate(account, owner, NEW)
    for _ in range(3):
        tasks.prove(candidate.pk)
        Candidate.objects.update(due_at=timezone.now())
    account.endpoint.refresh_from_db()
    candidate.refresh_from_db()
    assert account.endpoint.away_since
    assert (candidate.state, stored(account)) == (Candidate.State.UNANSWERED, PASSWORD)
    engine.queue.clear()
    Endpoint.objects.update(probe_due_at=timezone.now() + timedelta(minutes=1))
    sweep.sweep()
    assert not engine.queue, "one probe at a time"
    set_password(provider, account.login, NEW)
    Endpoint.objects.update(url=remote.url, probe_due_at=timezone.now())
    engine.until(lambda: stored(account) == NEW)


def test_untested_credentials_expire_after_a_day(
    account: Account, owner: Membership, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidate = rotate(account, owner, NEW)
    engine.queue.clear()
    Candidate.objects.update(asked_at=timezone.now() - credential_rotation.LIFE)
    sweep.sweep()
    candidate.refresh_from_db()
    assert (candidate.state, candidate.sealed_password) == (Candidate.State.EXPIRED, "")
    assert stored(account) == PASSWORD
    tasks.prove(candidate.pk)
    assert works(account)
    assert actions()[-1] == "account.test_expired"


def test_unreadable_new_credentials_are_refused_and_the_old_ones_stay(
    account: Account, owner: Membership, engine: Engine, settings: Settings
) -> None:
    key = settings.SEAL_KEYS
    settings.SEAL_KEYS = [Fernet.generate_key().decode(), *key]
    rotate(account, owner, NEW)
    settings.SEAL_KEYS = key
    end_tests(engine)
    assert Candidate.objects.get().refusal == Candidate.Refusal.SEAL
    assert works(account)


def test_keeping_the_current_credentials_clears_the_refusal(
    account: Account, owner: Membership, engine: Engine
) -> None:
    rotate(account, owner, "", handle="AA1234-GANDI")
    end_tests(engine)
    assert Candidate.objects.get().needs_look
    assert not connect.update(account, by=owner, label=account.label, handle=account.handle)
    assert not Candidate.objects.exists()


def test_handle_connected_meanwhile_is_refused_as_taken(account: Account, owner: Membership, engine: Engine) -> None:
    other = Account.objects.get(pk=account.pk)
    other.pk, other.handle = None, "ELSEWHERE"
    other.save(force_insert=True)
    rotate(other, owner, PASSWORD)
    with pytest.raises(IntegrityError):
        connect.update(other, by=owner, label="x", handle=account.handle)
    Candidate.objects.update(handle=account.handle)
    end_tests(engine)
    assert Candidate.objects.get().refusal == Candidate.Refusal.TAKEN
    other.refresh_from_db()
    assert other.handle == "ELSEWHERE"


def test_new_password_applies_to_the_teams_other_handles_of_the_login(
    account: Account, owner: Membership, engine: Engine, provider: Provider
) -> None:
    other = Account.objects.get(pk=account.pk)
    other.pk, other.handle, other.trouble = None, "CUSTOMER", Account.Trouble.CREDENTIALS
    other.save(force_insert=True)
    stranger = Account.objects.get(pk=account.pk)
    stranger.pk, stranger.team = None, Team.objects.create(name="Others")
    stranger.save(force_insert=True)
    session_store.put(session_store.session_key(other, PASSWORD), "of-the-old-password")
    set_password(provider, account.login, NEW)
    rotate(account, owner, NEW)
    end_tests(engine)
    assert not session_store.get(session_store.session_key(other, PASSWORD))
    assert (stored(other), other.trouble) == (NEW, "")
    assert stored(stranger) == PASSWORD


def test_late_refusal_does_not_affect_a_replaced_password(
    account: Account, owner: Membership, engine: Engine, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = connect.add_handle(account, by=owner, label="Second", handle="SECOND")
    engine.queue.clear()
    set_password(provider, account.login, NEW)
    rotation = rotate(account, owner, NEW)

    def slow_sign_in(*_endpoint: object, **_login: object) -> str:
        """The old password is on its way while the other account's new one is accepted."""
        monkeypatch.setattr(credential_test, "sign_in", sign_in)
        tasks.prove(rotation.pk)
        raise fault_from(510150, "refused")

    monkeypatch.setattr(credential_test, "sign_in", slow_sign_in)
    tasks.prove(Candidate.objects.get(account=other).pk)
    other.refresh_from_db()
    assert (stored(other), other.trouble) == (NEW, Account.Trouble.UNTESTED)
    assert credential_rotation.open_of(other)


def test_handle_changed_during_a_password_test_is_tested_with_it(
    account: Account, owner: Membership, engine: Engine
) -> None:
    rotate(account, owner, NEW)
    later = rotate(account, owner, "", handle="OTHER")
    assert (later.handle, unseal(later.sealed_password), later.new_password) == ("OTHER", NEW, True)
    # A new label alone does not disturb the test.
    assert connect.update(account, by=owner, label="Renamed", handle="OTHER")
    assert Candidate.objects.get().pk == later.pk


@pytest.fixture
def newcomer(engine: Engine, owner: Membership, remote: Member) -> Callable[..., Account]:
    endpoint = Endpoint.objects.create(name="Provider", url=remote.url)

    def make(login: str = remote.handle, handle: str = remote.handle, password: str = PASSWORD) -> Account:
        return connect.connect(by=owner, endpoint=endpoint, label="New", login=login, handle=handle, password=password)

    return make


def test_new_account_is_imported_after_its_credentials_are_accepted(
    newcomer: Callable[..., Account], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = newcomer()
    assert account.trouble == Account.Trouble.UNTESTED
    with monkeypatch.context() as patch:
        patch.setattr(credential_test, "sign_in", hang_up)
        for _ in range(3):
            sweep.sweep()
            engine.drain()
    tasks.refresh(account.pk)
    assert not AccountInfo.objects.exists()
    Endpoint.objects.update(away_since=None)
    Candidate.objects.update(due_at=timezone.now())
    engine.until(lambda: Account.objects.filter(trouble="", mirrored_at__isnull=False).exists())
    assert actions() == ["account.connected", "account.test_asked", "account.test_accepted"]


@pytest.mark.parametrize(
    ("wrong", "trouble"),
    [
        ({"password": WRONG}, "credentials"),
        ({"login": "NOBODY-1"}, "credentials"),
        ({"handle": "AA1234-GANDI"}, "handle"),
    ],
)
def test_refused_new_account_imports_nothing_and_can_be_corrected(
    newcomer: Callable[..., Account],
    engine: Engine,
    owner: Membership,
    remote: Member,
    wrong: dict[str, str],
    trouble: str,
) -> None:
    account = newcomer(**wrong)
    end_tests(engine)
    account.refresh_from_db()
    assert account.trouble == trouble
    engine.drain()
    sweep.sweep()
    assert not engine.queue
    # Where only the handle was wrong, nobody types the password again.
    password = "" if trouble == "handle" else PASSWORD
    connect.update(account, by=owner, label="New", login=remote.handle, handle=remote.handle, password=password)
    engine.until(lambda: Account.objects.filter(trouble="", mirrored_at__isnull=False).exists())


def test_adding_a_handle_needs_no_password_and_tests_it(account: Account, owner: Membership, engine: Engine) -> None:
    other = connect.add_handle(account, by=owner, label="Customer", handle="AA1234-GANDI")
    assert other.trouble == Account.Trouble.UNTESTED
    end_tests(engine)
    other.refresh_from_db()
    assert other.trouble == Account.Trouble.HANDLE
    assert works(account)
    with pytest.raises(IntegrityError):
        connect.add_handle(account, by=owner, label="Twice", handle=account.handle)
    Account.objects.filter(pk=account.pk).update(trouble=Account.Trouble.CREDENTIALS)
    account.refresh_from_db()
    with pytest.raises(connect.CredentialsNotAcceptedError):
        connect.add_handle(account, by=owner, label="Third", handle="E3")


def test_changing_credentials_needs_permission(account: Account, owner: Membership) -> None:
    user = User.objects.create_user("operator@example.org")
    operator = Membership.objects.create(team=owner.team, user=user, role=Role.OPERATOR)
    for attempt in (
        lambda: connect.update(account, by=operator, label="x", handle="y"),
        lambda: connect.add_handle(account, by=operator, label="x", handle="y"),
        lambda: connect.sign_in_again(account, by=operator),
        lambda: connect.dismiss(account, by=operator),
    ):
        with pytest.raises(NotAllowedError):
            attempt()
    assert not Candidate.objects.exists()


def test_reconnecting_opens_a_new_session_and_hides_its_id(account: Account, owner: Membership, engine: Engine) -> None:
    client_for(account, Priority.MEMBER)
    key = session_store.session_key(account, PASSWORD)
    before = session_store.get(key)
    connect.sign_in_again(account, by=owner)
    assert session_store.state_of(account).since is None
    engine.until(lambda: session_store.get(key))
    after = session_store.get(key)
    assert after != before
    state = session_store.state_of(account)
    assert state.since
    assert state.until == state.since + timedelta(hours=12)
    assert abs(timezone.now() - state.since) < timedelta(seconds=10)
    assert after not in repr(state)


def test_refused_session_is_recorded(account: Account) -> None:
    session_store.put(session_store.session_key(account, PASSWORD), "a-session-that-is-over")
    client_for(account, Priority.MEMBER).call(Client.vm_list)
    assert session_store.state_of(account).refused_at


def test_reconnecting_tests_a_troubled_account_unchanged(account: Account, owner: Membership, engine: Engine) -> None:
    Account.objects.update(trouble=Account.Trouble.HANDLE)
    account.refresh_from_db()
    connect.sign_in_again(account, by=owner)
    tested = Candidate.objects.get()
    connect.sign_in_again(account, by=owner)
    assert Candidate.objects.get().pk == tested.pk
    end_tests(engine)
    account.refresh_from_db()
    assert account.trouble == Account.Trouble.NONE


def test_password_never_appears_in_audit_log_logs_or_jobs(
    account: Account, owner: Membership, engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    for password in (WRONG, NEW):
        rotate(account, owner, password)
        assert all(isinstance(argument, int) for _, arguments in engine.queue for argument in arguments)
        end_tests(engine)
    told = json.dumps([list(AuditEntry.objects.values("action", "subject", "detail")), caplog.text])
    told += json.dumps(list(Candidate.objects.values()), default=str)
    session_id = session_store.get(session_store.session_key(account, PASSWORD))
    for secret in (WRONG, NEW, PASSWORD, session_id):
        assert secret
        assert secret not in told
