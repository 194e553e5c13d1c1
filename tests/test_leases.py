"""A claim is kept as long as its worker lives, and is lost within seconds when it has died."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting import leases
from hosting.mail.models import OutgoingMail

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def short(settings: Settings) -> None:
    settings.LEASE_S = 1.2


@pytest.fixture
def claim() -> QuerySet[OutgoingMail]:
    row = OutgoingMail.objects.create(recipients=[], due_at=timezone.now())
    rows = OutgoingMail.objects.filter(pk=row.pk)
    rows.update(claimed_until=leases.until())
    return rows


@pytest.fixture(autouse=True)
def no_renewal_outlives_its_test() -> Iterator[None]:
    yield
    wait_until(lambda: not [each for each in threading.enumerate() if each.name == "renews a lease"])


def is_lapsed(claim: QuerySet[Any]) -> bool:
    return claim.filter(leases.lapsed()).exists()


def wait_until(check: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_lease_is_renewed_while_its_worker_waits_and_lapses_afterwards(claim: QuerySet[OutgoingMail]) -> None:
    with leases.kept(claim):
        deadline = time.monotonic() + 2.5
        while time.monotonic() < deadline:
            assert not is_lapsed(claim)
            time.sleep(0.02)
    wait_until(lambda: is_lapsed(claim))


def test_lease_is_renewed_again_once_the_database_is_back(
    claim: QuerySet[OutgoingMail], monkeypatch: pytest.MonkeyPatch
) -> None:
    update, away = QuerySet.update, iter([OperationalError("the server closed the connection")] * 2)
    tries = []

    def update_when_it_is_back(rows: QuerySet[Any], **fields: Any) -> int:
        tries.append(1)
        for error in away:
            raise error
        return update(rows, **fields)

    monkeypatch.setattr(QuerySet, "update", update_when_it_is_back)
    before = claim.get().claimed_until
    with leases.kept(claim):
        wait_until(lambda: claim.get().claimed_until != before)
    assert len(tries) >= 3


def test_claim_that_was_given_up_or_taken_over_is_not_renewed(claim: QuerySet[OutgoingMail]) -> None:
    ours = claim.filter(attempts=0)
    with leases.kept(ours):
        claim.update(claimed_until=None)
        time.sleep(0.9)
        assert claim.get().claimed_until is None
        taken_until = timezone.now() + timedelta(hours=1)
        claim.update(claimed_until=taken_until, attempts=1)
        time.sleep(0.9)
        assert claim.get().claimed_until == taken_until


def test_leases_go_by_the_clock_of_the_database(
    claim: QuerySet[OutgoingMail], monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.LEASE_S = 60
    monkeypatch.setattr(timezone, "now", lambda: pytest.fail("the clock of this machine was asked"))
    claim.update(claimed_until=leases.until())
    assert not claim.filter(leases.free()).exists()
    assert claim.filter(claimed_until__gt=Now() + timedelta(seconds=50)).exists()
    claim.update(claimed_until=leases.until(-1))
    assert claim.filter(leases.free()).exists()
