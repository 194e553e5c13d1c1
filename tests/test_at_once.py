"""What people and workers do at the same moment: on PostgreSQL rows are locked in one order, and nobody fails."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from hosting.accounts import candidates
from hosting.accounts.models import Account, Candidate
from hosting.desk import tags
from hosting.desk.models import ObjectType, Tag, TagUse
from hosting.teams.models import Membership
from tests import factories

TIMES = 8


@pytest.fixture
def by(transactional_db: None) -> Membership:
    return factories.member()


@pytest.fixture
def accounts(by: Membership) -> list[Account]:
    """Two handles of one login."""
    where = factories.endpoint()
    return [factories.account(by.team, endpoint=where, login="LOGIN", label=label) for label in ("A", "B")]


def at_once(*works: Callable[[], object]) -> None:
    failures: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def put_forward(account: Account, by: Membership) -> Candidate:
    with transaction.atomic():
        return candidates.put_forward(account, by=by, password="another-passw0rd")


def test_later_credentials_come_while_the_earlier_are_refused(accounts: list[Account], by: Membership) -> None:
    for _ in range(TIMES):
        earlier = put_forward(accounts[0], by)
        at_once(
            lambda: candidates.refuse(earlier, Candidate.Refusal.CREDENTIALS),  # noqa: B023 - over before the next
            lambda: put_forward(accounts[0], by),
        )
        assert candidates.open_of(accounts[0])


def test_two_handles_of_a_login_are_given_a_password(accounts: list[Account], by: Membership) -> None:
    for _ in range(TIMES):
        first, second = (put_forward(account, by) for account in accounts)
        at_once(lambda: candidates.accept(first), lambda: candidates.accept(second))  # noqa: B023 - as above
        assert Account.objects.values("sealed_password").distinct().count() == 1


def test_a_tag_is_deleted_while_it_is_put_on_servers(accounts: list[Account], by: Membership) -> None:
    servers = {number: f"web-{number}" for number in range(100)}
    for number in range(TIMES):
        tag = tags.create(f"tag-{number}", "red", by=by)
        at_once(
            lambda: tags.put(accounts[0], ObjectType.VM, servers, on=[tag], by=by),  # noqa: B023 - as above
            lambda: tags.delete(tag, by=by),  # noqa: B023 - as above
        )
        assert not Tag.objects.exists()
        assert not TagUse.objects.exists()
