"""Run calls in threads at the same moment, each with a database connection of its own."""

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connection

_WITHIN_S = 60
Result = TypeVar("Result")


def at_once(*works: Callable[[], object], refusals: Sequence[type[Exception]] = ()) -> list[object]:
    """What each call returned, or the refusal that it raised, in the order of the calls. Any other error fails the
    test.
    """
    results: list[object] = [None] * len(works)
    failures: list[Exception] = []
    together = threading.Barrier(len(works))

    def run(number: int, work: Callable[[], object]) -> None:
        try:
            # So that they meet in what is tested, and not in making connections.
            connection.ensure_connection()
            together.wait(_WITHIN_S)
            results[number] = work()
        except tuple(refusals) as refusal:
            results[number] = refusal
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_WITHIN_S)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    if failures:
        raise ExceptionGroup("at once", failures)
    return results


def by_threads(threads: int, works: Iterable[Callable[[], Result]]) -> list[Result]:
    """What the calls returned, carried out by so many threads, each of which gives its connection back."""

    def run(work: Callable[[], Result]) -> Result:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, works))
