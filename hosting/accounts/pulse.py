"""Whether work is carried out: what sends and what reads leave the time of their last sign of life in Redis. Pages and
`/health` say when one of them has been silent for `SILENCE_LIMIT_S`.

Each sweep is the sign of life of sending: it needs beat and a worker of the queue for members. A job that began in the
queue for the background is that of reading; the sweep asks for one when there is nothing else to do.
"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import redis
from celery import Task
from django.conf import settings
from django.utils import timezone

from hosting.accounts.store import connection
from hosting.jobs import Job
from redis_connections import outage


class Part(StrEnum):
    """What stands still by itself."""

    SENDING = "sending"
    READING = "reading"

    @property
    def key(self) -> str:
        return f"pulse:{self}"


@dataclass(frozen=True)
class Silence:
    """What stands still, and since when. `what` is a `Part`, or "redis", without which neither can work.

    Where sending is silent, nothing is read either: the sweep asks for both.
    """

    what: str
    since: datetime


def record(part: Part, now: datetime) -> None:
    """Note a sign of life."""
    try:
        connection().set(part.key, now.isoformat())
    except redis.RedisError:
        return


def was_silent(longest: timedelta) -> bool:
    """Whether the last sweep was longer ago than that, or nobody knows when it was."""
    try:
        text = connection().get(Part.SENDING.key)
    except redis.RedisError:
        return True
    return not text or datetime.fromisoformat(str(text)) < timezone.now() - longest


def is_asked() -> bool:
    """Whether a sign of life from the background is to be asked for now: three times within the limit."""
    every_ms = max(1, int(settings.SILENCE_LIMIT_S * 1000 / 3))
    try:
        return bool(connection().set("pulse:asked", "1", nx=True, px=every_ms))
    except redis.RedisError:
        return False


def silence() -> Silence | None:
    """What has been silent for too long; None while all work. One Redis read."""
    now = timezone.now()
    limit = now - timedelta(seconds=settings.SILENCE_LIMIT_S)
    try:
        found = connection().mget([part.key for part in Part])
        seen = {part: _time_of(text, part, now) for part, text in zip(Part, found, strict=True)}
    except redis.RedisError:
        began = outage.since()
        return Silence("redis", began) if began and began < limit else None
    return next((Silence(part, at) for part, at in seen.items() if at < limit), None)


def _time_of(text: object, part: Part, now: datetime) -> datetime:
    if text:
        return datetime.fromisoformat(str(text))
    # Redis may have been started a moment ago: the silence begins now.
    connection().set(part.key, now.isoformat(), nx=True)
    return now


class RecordedTask(Task):  # type: ignore[type-arg]
    """A task that leaves a sign of life when it begins, wherever it waited in a long queue."""

    _recorded_at = 0.0

    def before_start(self, task_id: str, args: Any, kwargs: Any) -> None:
        queue = (self.request.delivery_info or {}).get("routing_key")
        # Hundreds of jobs may begin within a second.
        if queue == Job.PULSE.queue and time.monotonic() > RecordedTask._recorded_at + 1:
            RecordedTask._recorded_at = time.monotonic()
            record(Part.READING, timezone.now())
