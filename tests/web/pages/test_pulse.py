"""Pages and `/health` say when no worker runs; a Redis that knows nothing raises no alarm."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts import pulse, store
from hosting.accounts.models import Account
from hosting.operations import sweep
from hosting.teams.models import Membership


@pytest.fixture(autouse=True)
def no_pulse() -> Iterator[None]:
    redis = store.connection()
    redis.delete("swept-at")
    yield
    redis.delete("swept-at")


@pytest.fixture
def silent() -> None:
    pulse.record(timezone.now() - timedelta(minutes=5))


def page_of(account: Account, owner: Membership) -> str:
    client = Client()
    client.force_login(owner.user)
    return client.get(reverse("dashboard", args=[account.pk])).content.decode()


def test_page_says_since_when_no_worker_runs(account: Account, owner: Membership, silent: None) -> None:
    assert "the Sharedeck workers are not running" in page_of(account, owner)


@pytest.mark.django_db
def test_health_fails_while_no_worker_runs(silent: None) -> None:
    answer = Client().get("/health")
    assert answer.status_code == 503
    assert b"not run since" in answer.content


def test_sweep_ends_the_alarm(account: Account, owner: Membership, silent: None) -> None:
    sweep.sweep()
    assert "workers are not running" not in page_of(account, owner)
    assert Client().get("/health").status_code == 200


def test_nothing_is_said_when_redis_knows_nothing_or_is_away(
    account: Account, owner: Membership, settings: Settings
) -> None:
    assert "workers are not running" not in page_of(account, owner)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert pulse.silent_since() is None
    pulse.record(timezone.now())
