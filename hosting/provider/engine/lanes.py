"""A lane for each host: a few threads that take its steps, so that a host that does not answer stops no other one.

What needs no host has a lane of its own. A step that waits for its time holds no thread: it is a row with a due date.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field

from django.db import close_old_connections, connections

log = logging.getLogger(__name__)

# A thread without work ends after this time, with its connection to the database.
IDLE_S = 30.0


@dataclass(frozen=True)
class Step:
    """The next step of an operation, or another piece of work. Steps of one `key` are in a lane once at a time."""

    key: object
    take: Callable[[], object] = field(compare=False)


class Lane:
    """Up to `threads` threads, started when there is work. `drained` is called after the last step in line."""

    def __init__(self, name: str, threads: int, drained: Callable[[], object]) -> None:
        self.name = name
        self._most = threads
        self._drained = drained
        self._changed = threading.Condition()
        self._line: deque[Step] = deque()
        self._known: set[object] = set()
        self._threads = 0
        self._idle = 0

    def offer(self, steps: Iterable[Step]) -> None:
        """Put steps in line, unless they are there already or under way."""
        with self._changed:
            for step in steps:
                if step.key not in self._known:
                    self._known.add(step.key)
                    self._line.append(step)
            for _ in range(min(self._most - self._threads, len(self._line) - self._idle)):
                self._threads += 1
                threading.Thread(target=self._work, name=self.name, daemon=True).start()
            self._changed.notify(len(self._line))

    def _work(self) -> None:
        try:
            while step := self._next():
                self._take(step)
        finally:
            connections.close_all()

    def _next(self) -> Step | None:
        """The next step in line; None after a while without any."""
        with self._changed:
            self._idle += 1
            found = self._changed.wait_for(lambda: bool(self._line), IDLE_S)
            self._idle -= 1
            if not found:
                self._threads -= 1
                return None
            return self._line.popleft()

    def _take(self, step: Step) -> None:
        try:
            close_old_connections()
            step.take()
        except Exception:
            log.exception("%s: a step failed; it is taken again", step.key)
        with self._changed:
            self._known.discard(step.key)
            is_last = not self._line
        if is_last:
            self._drain()

    def _drain(self) -> None:
        try:
            self._drained()
        except Exception:
            log.exception("what comes next could not be found; trying again")


class Lanes:
    """The lanes of a process, by their keys. They are made when they are needed."""

    def __init__(self, threads: int, drained: Callable[[], object]) -> None:
        self._threads, self._drained = threads, drained
        self._lock = threading.Lock()
        self._lanes: dict[Hashable, Lane] = {}

    def offer(self, key: Hashable, steps: Iterable[Step]) -> None:
        with self._lock:
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = Lane(f"lane {key}", self._threads, self._drained)
        lane.offer(steps)
