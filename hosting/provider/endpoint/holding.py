"""Hold calls that wait for changes (`sharedeck.changes`) until there are some.

A held call keeps a thread of the server, which sleeps: no turn, no connection to the database. There are more threads
than calls are held, so that others always find one (`hosting.provider.serving`). One subscription to Redis for each
process wakes the calls of the account that has news.

Decision: docs/decisions/0031-held-calls.md
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import redis
from django.conf import settings

from hosting.provider import news
from redis_connections.connection import Pool

Answer = TypeVar("Answer")

# Calls held at once in one process, and for one account: more are answered at once.
AT_MOST, AT_MOST_OF_ACCOUNT = 224, 8
# How often a held call looks whether its client is still there and the server goes on; without Redis, for news too.
_LOOK_S = 1.0

_lock = threading.Lock()
_held: Counter[int] = Counter()
_waiting: dict[int, set[threading.Event]] = {}
_subscribed = threading.Event()
_subscriber: threading.Thread | None = None


# Whether the server of this process ends.
_endings: list[Callable[[], bool]] = []


def stop_when(is_ending: Callable[[], bool]) -> None:
    """Have the server say when it ends: held calls are answered at once then."""
    _endings.append(is_ending)


def hold(
    account_id: int,
    seconds: float,
    ask: Callable[[], Answer | None],
    *,
    is_over: Callable[[], bool] = lambda: False,
) -> Answer | None:
    """Ask until there is an answer, at most for so long. None when there was none, or too many calls are held.

    `ask` runs again whenever the account has news. `is_over` tells that nobody waits for the answer any more.
    """
    deadline = time.monotonic() + seconds
    with _place(account_id) as news_came:
        if news_came is None:
            return None
        # Once more: something may have changed between the caller's look and our registration.
        answer = ask()
        while (
            answer is None
            and (left := deadline - time.monotonic()) > 0
            and not (is_over() or any(ends() for ends in _endings))
        ):
            if news_came.wait(min(left, _LOOK_S)) or not _subscribed.is_set():
                news_came.clear()
                answer = ask()
        return answer


@contextmanager
def _place(account_id: int) -> Iterator[threading.Event | None]:
    """The event that news of the account set, while the block runs; None when too many calls are held."""
    event = threading.Event()
    with _lock:
        is_free = _held.total() < AT_MOST and _held[account_id] < AT_MOST_OF_ACCOUNT
        if is_free:
            _held[account_id] += 1
            _waiting.setdefault(account_id, set()).add(event)
            _start_subscriber()
    try:
        yield event if is_free else None
    finally:
        if is_free:
            with _lock:
                _held[account_id] -= 1
                _waiting[account_id].discard(event)
                if not _waiting[account_id]:
                    del _waiting[account_id], _held[account_id]


def _start_subscriber() -> None:
    """Start the process's subscription with its first held call: threads do not survive the server's fork."""
    global _subscriber  # noqa: PLW0603 - one for each process
    if _subscriber is None:
        _subscriber = threading.Thread(target=_subscribe, name="changes", daemon=True)
        _subscriber.start()


def _subscribe() -> None:
    # Without a time limit for reading: it waits for the next message.
    pool = Pool.from_url(
        settings.PROVIDER_REDIS_URL, socket_connect_timeout=settings.REDIS_TIMEOUT_S, socket_keepalive=True
    )
    client = redis.Redis(connection_pool=pool)
    while True:
        with suppress(redis.RedisError), client.pubsub() as subscription:  # type: ignore[no-untyped-call]
            subscription.subscribe(news.CHANNEL)
            for message in subscription.listen():
                # The first message confirms the subscription; news from before it are found by asking once more.
                _subscribed.set()
                _wake(int(message["data"]) if message["type"] == "message" else None)
        # Until Redis is back, held calls look for changes every second.
        _subscribed.clear()
        time.sleep(_LOOK_S)


def _wake(account_id: int | None) -> None:
    """Wake the held calls of an account, or all of them."""
    with _lock:
        sets = list(_waiting.values()) if account_id is None else [_waiting.get(account_id, set())]
        for event in [event for events in sets for event in events]:
            event.set()
