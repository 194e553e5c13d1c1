"""Calls that go wrong on purpose, for tests and demonstrations.

`PROVIDER_FAULTS` holds rules separated by `;` (in a file, by line ends too; `#` begins a comment there):

    METHOD:ACTION[=SECONDS][@N | %P]

`METHOD` is a method of the API, or `*` for all. `@N` means the N-th matching call only, counted in this
process since the rules were loaded; `%P` means P percent of the matching calls; with neither, all of them.

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

Several rules may hit one call: delays add up, the first of the other actions wins. When the whole value is
`@` and a path, the rules are in that file, which is read again whenever it changes; a file that is not there
holds no rules. For example:

    vm_create:drop_before@1;disk_attach:fail@2;*:503%5;vm_info:delay=3;operation_list:garbage
"""

import random
import re
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ACTIONS = ("refuse", "fail", "drop_before", "drop_after", "garbage", "truncate", "503", "503_after")
DELAYS = ("delay", "delay_after")
_RULE = re.compile(
    r"(?P<method>\*|[a-z_]+):(?P<action>[a-z0-9_]+)(?:=(?P<seconds>\d+(?:\.\d+)?))?"
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


class Script:
    """The rules in force. `source` is the value of `PROVIDER_FAULTS`."""

    def __init__(self, source: str) -> None:
        self._lock = threading.Lock()
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
            hits = [rule for rule in self._rules if rule.hits(method)]
        return Outcome(
            next((rule.action for rule in hits if rule.action in ACTIONS), ""),
            sum(rule.seconds for rule in hits if rule.action == "delay"),
            sum(rule.seconds for rule in hits if rule.action == "delay_after"),
        )


@cache
def from_settings() -> Script:
    """The script that the settings name, one for the process."""
    return Script(settings.PROVIDER_FAULTS)
