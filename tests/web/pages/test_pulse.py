"""Every page and `/health` say what the workers don't do and since when; a Redis that knows nothing raises no alarm."""

import re
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from hosting.accounts import pulse, store
from hosting.accounts.models import Account
from hosting.accounts.pulse import Part, RecordedTask
from hosting.jobs import Job
from hosting.operations import sweep
from hosting.teams.models import Membership
from redis_connections import outage
from tests.engine import Engine
from tests.web.answers.test_live import poll, shown_version
from tests.web.browsing import every_other_page, every_page

NOTHING_SENT = "the workers are not running"
NOT_READ = "the background worker is not running"
NO_REDIS = "Redis is unavailable"
BACK = "The workers are running again"
LONG_AGO = timedelta(minutes=5)
# Pages of a person, which belong to no account and no team.
OWN_PAGES = ["accounts", "profile", "my_tokens", "mfa_index", "account_change_password", "account_email"]


@pytest.fixture(autouse=True)
def no_pulse(settings: Settings) -> None:
    settings.SILENCE_LIMIT_S = 30
    store.connection().delete("pulse:asked", *(part.key for part in Part))


def signs_of_life(*, sending: timedelta = timedelta(0), reading: timedelta = timedelta(0)) -> datetime:
    """Record them as so old; return the moment."""
    now = timezone.now()
    pulse.record(Part.SENDING, now - sending)
    pulse.record(Part.READING, now - reading)
    return now


@pytest.fixture
def silent() -> datetime:
    """Nothing has shown a sign of life since then."""
    return timezone.localtime(signs_of_life(sending=LONG_AGO, reading=LONG_AGO) - LONG_AGO)


def test_every_page_says_since_when_nothing_is_sent(
    browser: Client, account: Account, owner: Membership, silent: datetime
) -> None:
    checked = 0
    for page in [*every_page(account, owner), *every_other_page(OWN_PAGES)]:
        if page.posts or page.name == "operation_retry":
            continue
        html = browser.get(page.url).content.decode()
        # Some addresses serve a part of a page.
        if "<html" in html and 'class="panel"' in html:
            assert NOTHING_SENT in html, page.url
            assert f"{silent:%H:%M:}" in html, page.url
            checked += 1
    assert checked > 40


def test_page_says_that_only_reading_stands_still(browser: Client, account: Account) -> None:
    signs_of_life(reading=LONG_AGO)
    page = browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    assert NOT_READ in page
    assert "Operations are still sent" in page
    assert NOTHING_SENT not in page


def test_trouble_of_the_account_is_shown_beside_it(browser: Client, account: Account, silent: datetime) -> None:
    Account.objects.update(trouble=Account.Trouble.CREDENTIALS)
    page = browser.get(reverse("dashboard", args=[account.pk])).content.decode()
    assert NOTHING_SENT in page
    assert "reads and sends nothing until this is fixed" in page


def test_signed_out_people_are_told_nothing(client: Client, db: None, silent: datetime) -> None:
    assert NOTHING_SENT not in client.get("/auth/login/").content.decode()


def test_saying_it_runs_no_query(
    browser: Client, account: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    url = reverse("team", args=[account.team_id])
    signs_of_life()
    with django_assert_max_num_queries(30) as before:
        browser.get(url)
    signs_of_life(sending=LONG_AGO)
    with django_assert_max_num_queries(30) as after:
        browser.get(url)
    assert len(after) == len(before)


def test_poll_of_an_open_page_brings_it_and_takes_it_away(
    browser: Client, account: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    signs_of_life()
    url = reverse("servers", args=[account.pk])
    page = browser.get(url).content.decode()
    # Screen readers tell what changes in a region that was there before.
    assert re.search(r'<div id="silence"\s+role="status"', page)
    assert poll(browser, url, shown_version(page)) == (204, "")

    signs_of_life(sending=LONG_AGO)
    status, part = poll(browser, url, shown_version(page))
    assert status == 200
    assert 'hx-swap-oob="innerHTML:#silence"' in part
    assert NOTHING_SENT in part
    with django_assert_num_queries(0):
        assert poll(browser, url, shown_version(part)) == (204, "")

    signs_of_life(reading=LONG_AGO)
    status, part = poll(browser, url, shown_version(part))
    assert (status, NOT_READ in part) == (200, True)

    signs_of_life()
    status, part = poll(browser, url, shown_version(part))
    assert 'hx-swap-oob="innerHTML:#silence"' in part
    assert "banner-bad" not in part
    assert BACK in part
    assert poll(browser, url, shown_version(part)) == (204, "")


def test_poll_with_other_news_does_not_repeat_it(browser: Client, account: Account, silent: datetime) -> None:
    url = reverse("servers", args=[account.pk])
    page = browser.get(url).content.decode()
    Account.objects.update(version=account.version + 1)
    store.connection().flushdb()
    signs_of_life(sending=LONG_AGO)
    status, part = poll(browser, url, shown_version(page))
    assert (status, "#silence" in part) == (200, False)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sending", "reading", "words"),
    [
        (LONG_AGO, LONG_AGO, b"Look at the processes beat and worker"),
        (LONG_AGO, timedelta(0), b"Look at the processes beat and worker"),
        (timedelta(0), LONG_AGO, b"Look at the process background"),
    ],
)
def test_health_names_what_does_not_run(sending: timedelta, reading: timedelta, words: bytes) -> None:
    signs_of_life(sending=sending, reading=reading)
    answer = Client().get("/health")
    assert answer.status_code == 503
    assert words in answer.content
    assert b"UTC" in answer.content


@pytest.mark.django_db
def test_signs_of_life_end_the_alarm(silent: datetime) -> None:
    sweep.sweep()
    answer = Client().get("/health")
    assert b"the process background" in answer.content
    task = SimpleNamespace(request=SimpleNamespace(delivery_info={"routing_key": Job.PULSE.queue}))
    RecordedTask._recorded_at = 0.0
    RecordedTask.before_start(task, "", (), {})  # type: ignore[arg-type]
    assert Client().get("/health").status_code == 200


def test_sweep_asks_the_background_for_a_sign_of_life_now_and_then(engine: Engine) -> None:
    for _ in range(3):
        sweep.sweep()
    assert [job for job, _ in engine.queue].count(Job.PULSE) == 1


def test_nothing_is_said_when_redis_knows_nothing(browser: Client, account: Account) -> None:
    url = reverse("dashboard", args=[account.pk])
    assert "banner-bad" not in browser.get(url).content.decode()
    assert Client().get("/health").status_code == 200


@pytest.mark.django_db
def test_workers_that_never_ran_are_noticed_from_the_first_look_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    assert pulse.silence() is None
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(seconds=31))
    found = pulse.silence()
    assert found is not None
    assert found.what == Part.SENDING


def test_lost_redis_is_said_after_the_same_time(
    browser: Client, account: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    url = reverse("dashboard", args=[account.pk])
    assert "banner-bad" not in browser.get(url).content.decode()
    began: list[datetime] = [timezone.now() - LONG_AGO]
    monkeypatch.setattr(outage, "since", lambda: began[0])
    assert NO_REDIS in browser.get(url).content.decode()
    answer = Client().get("/health")
    assert (answer.status_code, b"Redis has been unavailable" in answer.content) == (503, True)
    pulse.record(Part.SENDING, timezone.now())
    assert not pulse.is_asked()
