"""Calls that go wrong on purpose, for tests and demonstrations.

`PROVIDER_FAULTS` holds rules separated by `;` (in a file, by line ends too; `#` begins a comment there):

    METHOD:ACTION[=SECONDS][@N | %P]

`METHOD` is a method of the API, or `*` for all. `@N` means the N-th matching call only, counted over all
processes of the server since the rules were loaded; `%P` means P percent of the matching calls; with neither, all
of them.

    refuse          answered with the server fault 150000, nothing executed
    fail            executed; its operation is accepted and ends in ERROR
    delay=S         waits S seconds before executing
    delay_after=S   executes, then waits S seconds before the answer
    drop_before     the connection is closed, nothing executed
    drop_after      executed, and the connection is closed instead of an answer
    garbage         executed, answered with bytes that are no XML
    truncate        executed, and the connection is closed in the middle of the answer
    503             HTTP 503, nothing executed
    503_after       executed, answered with HTTP 503
    late=S          answered with HTTP 503 at once and executed S seconds later, as behind a proxy that has given up

Several rules may hit one call: delays add up, the first of the other actions wins. When the whole value is
`@` and a path, the rules are in that file, which is read again whenever it changes; a file that is not there
holds no rules. For example:

    vm_create:drop_before@1;disk_attach:fail@2;*:503%5;vm_info:delay=3;operation_list:garbage
"""

import fcntl
import json
import os
import random
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ACTIONS = ("refuse", "fail", "drop_before", "drop_after", "garbage", "truncate", "503", "503_after")
DELAYS = ("delay", "delay_after", "late")
_RULE = re.compile(
    r"(?P<method>\*|[a-z_]+(?:\.[a-z_]+)?):(?P<action>[a-z0-9_]+)(?:=(?P<seconds>\d+(?:\.\d+)?))?"
    r"(?:@(?P<nth>[1-9]\d*)|%(?P<percent>\d+(?:\.\d+)?))?"
)


@dataclass
class Rule:
    """One rule, and how many calls it has matched."""

    method: str
    action: str
    seconds: float = 0.0
    nth: int | None = None
    percent: float | None = None
    calls: int = 0

    def hits(self, method: str) -> bool:
        """Count a call; True when the rule applies to it."""
        if self.method not in {"*", method}:
            return False
        self.calls += 1
        if self.nth is not None:
            return self.calls == self.nth
        return self.percent is None or random.uniform(0, 100) < self.percent  # noqa: S311


@dataclass(frozen=True)
class Outcome:
    """What is to happen to one call. `action` is one of `ACTIONS`, or empty; delays in seconds."""

    action: str = ""
    delay_s: float = 0.0
    delay_after_s: float = 0.0
    late_s: float = 0.0


def parse(text: str) -> list[Rule]:
    """The rules in `text`.

    Raises:
        ImproperlyConfigured: for a rule that makes no sense; the message shows it.
    """
    lines = (line.partition("#")[0] for line in text.splitlines())
    return [_rule(part.strip()) for line in lines for part in line.split(";") if part.strip()]


def _rule(text: str) -> Rule:
    match = _RULE.fullmatch(text)
    if match is None:
        raise ImproperlyConfigured(f"PROVIDER_FAULTS: {text!r} is not METHOD:ACTION[=SECONDS][@N|%P]")
    action, seconds, nth, percent = match["action"], match["seconds"], match["nth"], match["percent"]
    if action not in ACTIONS + DELAYS:
        known = ", ".join(ACTIONS + DELAYS)
        raise ImproperlyConfigured(f"PROVIDER_FAULTS: unknown action in {text!r}; there are {known}")
    if (action in DELAYS) != (seconds is not None):
        raise ImproperlyConfigured(f"PROVIDER_FAULTS: {text!r}: delays take =SECONDS, other actions do not")
    if percent is not None and float(percent) > 100:
        raise ImproperlyConfigured(f"PROVIDER_FAULTS: {text!r}: at most 100 percent")
    return Rule(
        match["method"],
        action,
        float(seconds or 0),
        int(nth) if nth else None,
        float(percent) if percent is not None else None,
    )


class _SharedCounts:
    """How many calls each rule has matched, in an unnamed file that processes forked from this one share."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the script)

    @contextmanager
    def counting(self, rules: list[Rule], stamp: tuple[int, int, int] | None) -> Iterator[None]:
        """Give `rules` the common counts while the block runs; counts of other rules (another `stamp`) are dropped."""
        number = self._file.fileno()
        fcntl.lockf(number, fcntl.LOCK_EX)
        try:
            saved = json.loads(os.pread(number, os.fstat(number).st_size, 0) or b"[]")
            known = saved[1] if saved and saved[0] == list(stamp or ()) else [0] * len(rules)
            for rule, calls in zip(rules, known, strict=True):
                rule.calls = calls
            yield
            text = json.dumps([stamp or (), [rule.calls for rule in rules]]).encode()
            os.ftruncate(number, 0)
            os.pwrite(number, text, 0)
        finally:
            fcntl.lockf(number, fcntl.LOCK_UN)


class Script:
    """The rules in force. `source` is the value of `PROVIDER_FAULTS`. It must be made before the server forks."""

    def __init__(self, source: str) -> None:
        self._lock = threading.Lock()
        self._counts = _SharedCounts()
        self._file = Path(source[1:]) if source.startswith("@") else None
        self._stamp: tuple[int, int, int] | None = None
        self._rules = [] if self._file else parse(source)

    def check(self) -> None:
        """Raises ImproperlyConfigured when the rules cannot be read."""
        with self._lock:
            self._reload()

    def _reload(self) -> None:
        if self._file is None:
            return
        try:
            found = self._file.stat()
        except OSError:
            self._rules, self._stamp = [], None
            return
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        if stamp != self._stamp:
            self._rules = parse(self._file.read_text(encoding="utf-8"))
            self._stamp = stamp

    def for_call(self, method: str) -> Outcome:
        """Count a call of `method` and say what is to happen to it."""
        if self._file is None and not self._rules:
            return Outcome()
        with self._lock:
            self._reload()
            if any(rule.nth for rule in self._rules):
                with self._counts.counting(self._rules, self._stamp):
                    hits = [rule for rule in self._rules if rule.hits(method)]
            else:
                hits = [rule for rule in self._rules if rule.hits(method)]
        return Outcome(
            next((rule.action for rule in hits if rule.action in ACTIONS), ""),
            sum(rule.seconds for rule in hits if rule.action == "delay"),
            sum(rule.seconds for rule in hits if rule.action == "delay_after"),
            sum(rule.seconds for rule in hits if rule.action == "late"),
        )


@cache
def from_settings() -> Script:
    """The script that the settings name, one for the server: its start reads it, before it forks."""
    return Script(settings.PROVIDER_FAULTS)
