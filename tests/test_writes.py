"""What can't be learnt again is written as soon as the database is back."""

import logging

import pytest
from django.db import IntegrityError, InterfaceError, OperationalError

from hosting import writes


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writes, "PAUSES_S", (0, 0, 0))


def failing(times: int, error: Exception, calls: list[int]) -> int:
    calls.append(len(calls))
    if len(calls) <= times:
        raise error
    return 7


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("the server closed the connection"), InterfaceError("closed")])
def test_write_is_tried_again_until_the_database_takes_it(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[int] = []
    with caplog.at_level(logging.WARNING):
        assert writes.keep_trying(lambda: failing(3, error, calls), "the answer") == 7
    assert len(calls) == 4
    assert caplog.text.count("did not take the answer") == 3


@pytest.mark.django_db(transaction=True)
def test_it_gives_up_after_the_last_pause() -> None:
    calls: list[int] = []
    with pytest.raises(OperationalError):
        writes.keep_trying(lambda: failing(9, OperationalError("away"), calls), "the answer")
    assert len(calls) == 4


def test_other_errors_are_not_tried_again() -> None:
    calls: list[int] = []
    with pytest.raises(IntegrityError):
        writes.keep_trying(lambda: failing(1, IntegrityError("twice"), calls), "the answer")
    assert len(calls) == 1
