"""What goes wrong: one thing each round, chosen by the dice."""

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from django.utils import timezone

from hosting.operations.kinds.catalogue import KINDS
from tests.chaos.world import World, wait_until

_VERY_LATE_S = 12.0
_VERY_LATE = f"late={_VERY_LATE_S:g}"
_FAULTS = {
    # Executed, and nobody is told so.
    "drop_after": 3,
    "truncate": 2,
    "garbage": 2,
    "503_after": 2,
    "delay_after=2.2": 3,
    # Executed when nobody waits for it any more, once after the grace time.
    "delay=4": 3,
    "late=2": 2,
    "late=6": 4,
    # Long after it was given up, so that nobody looks for it any more. In long runs only: their end waits for it.
    _VERY_LATE: 4,
    # Not executed.
    "drop_before": 2,
    "503": 1,
    "refuse": 2,
    # Accepted, and then it does not work.
    "fail": 2,
}
_CHANGING = (*KINDS, "operation_cancel")
# What reads: `fail` is for calls that begin an operation.
_READING = ("operation_list", "operation_details", "vm_info", "disk_info", "vm_list", "hosting_account_info")
_READING_FAULTS = tuple(fault for fault in _FAULTS if fault not in {"fail", _VERY_LATE})
# Writers get an error, and readers do not.
_DATABASE_HELD_S = 1.5
# Everybody gets an error. The second is longer than a lease; in long runs only.
_DATABASE_AWAY_S = (2.0, 7.0)
# What is alive renews its leases in this time.
_DATABASE_RESTS_S = 1.0
# Longer than both timeouts, and much longer than these and the grace time together.
_FROZEN_S = (3.5, 10.0)


class Striker:
    """Lets things go wrong, and counts them. The same dice choose the same things in the same order."""

    def __init__(self, world: World, dice: random.Random, *, is_long: bool) -> None:
        self._world, self._dice, self._is_long = world, dice, is_long
        self._faults = {fault: weight for fault, weight in _FAULTS.items() if is_long or fault != _VERY_LATE}
        # Calls have dice of their own: how many of them are thrown depends on what is asked for.
        self._aim = random.Random(dice.random())
        self.counts: Counter[str] = Counter()
        # When a worker was killed.
        self.kills: list[datetime] = []
        self._at_database: list[threading.Thread] = []
        self._frozen: list[threading.Thread] = []
        self._met_before = 0
        self._strikes: dict[str, tuple[int, Callable[[], None]]] = {
            "worker killed": (9, self._kill_worker),
            "Valkey killed, keys lost": (10, world.restart_valkey),
            "provider restarted": (5, self._restart_provider),
            "provider frozen": (5, self._freeze_provider),
            "provider's worker killed": (4, world.provider.worker.restart),
            "provider forgets sessions": (4, self._forget_sessions),
            "database refuses writes": (4, partial(self._trouble_database, self._hold_database)),
            "database away": (4, partial(self._trouble_database, self._close_database)),
            "second beat": (4, self._start_second_beat),
            "web killed": (3, self._kill_web),
            "call": (52, lambda: None),
        }

    def choose(self) -> str:
        """What goes wrong in this round."""
        weights = [weight for weight, _ in self._strikes.values()]
        return self._dice.choices(list(self._strikes), weights)[0]

    def script(self, methods: Sequence[str]) -> None:
        """Have the next call of each of these methods go wrong, of some others, and of one that reads; and of the
        logins that come meanwhile, some.
        """
        others = [method for method in _CHANGING if self._aim.random() < 0.25]
        faults = self._aim.choices(list(self._faults), list(self._faults.values()), k=len(methods) + len(others))
        rules = dict(zip([*others, *methods], faults, strict=True))
        rules[self._aim.choice(_READING)] = self._aim.choice(_READING_FAULTS)
        logins = [f"{method}:{self._aim.choice(_READING_FAULTS)}%40" for method in ("login", "su")]
        self._world.script(";".join([*(f"{method}:{fault}@1" for method, fault in rules.items()), *logins]))

    def strike(self, what: str) -> None:
        """Do it. A call that goes wrong is counted when the provider has met it."""
        if self._dice.random() < 0.2:
            self._world.stop_second_beat()
        self._strikes[what][1]()
        if what != "call":
            self.counts[what] += 1

    def total(self) -> int:
        """The faults that have happened so far."""
        return self.counts.total() + len(self._world.scripted())

    def told(self) -> Counter[str]:
        """All faults that have happened, by kind."""
        return self.counts + Counter(f"call: {each.partition(':')[2]}" for each in self._world.scripted())

    def methods(self) -> Counter[str]:
        """How often a call of each method went wrong."""
        return Counter(each.partition(":")[0] for each in self._world.scripted())

    def calm(self) -> None:
        self._world.calm()
        for thread in (*self._at_database, *self._frozen):
            thread.join()

    def delay_calls(self, methods: Sequence[str]) -> None:
        """Have the next calls of these methods carried out long after they were given up, and nothing else go wrong."""
        numbers = Counter[str]()
        rules = []
        for method in methods:
            numbers[method] += 1
            rules.append(f"{method}:{_VERY_LATE}@{numbers[method]}")
        self._met_before = len(self._world.scripted())
        self._world.script(";".join(rules))

    def wait_for_delayed_calls(self, count: int) -> None:
        """Return when so many delayed calls were made and are carried out by now."""
        wait_until("called", lambda: len(self._world.scripted()) >= self._met_before + count, 30)
        self._world.script("")
        time.sleep(_VERY_LATE_S + 1)

    def _kill_worker(self) -> None:
        self.kills.append(timezone.now())
        self._dice.choice(self._world.workers).restart()

    def _start_second_beat(self) -> None:
        self._world.stop_second_beat()
        self._world.start_second_beat()

    def _freeze_provider(self) -> None:
        """It accepts connections and reads nothing, and goes on with all of them later."""
        self._frozen = [each for each in self._frozen if each.is_alive()]
        if not self._frozen:
            self._frozen.append(threading.Thread(target=self._world.freeze, args=(self._dice.choice(_FROZEN_S),)))
            self._frozen[-1].start()

    def _restart_provider(self) -> None:
        for each in self._frozen:
            each.join()
        self._world.provider.restart_web()

    def _forget_sessions(self) -> None:
        with sqlite3.connect(self._world.provider_database, timeout=20) as database:
            database.execute("DELETE FROM provider_apisession")
        database.close()

    def _kill_web(self) -> None:
        self._world.web.restart()

    def _trouble_database(self, trouble: Callable[[], None]) -> None:
        def one_at_a_time() -> None:
            trouble()
            time.sleep(_DATABASE_RESTS_S)

        self._at_database = [each for each in self._at_database if each.is_alive()]
        if not self._at_database:
            self._at_database.append(threading.Thread(target=one_at_a_time))
            self._at_database[-1].start()

    def _hold_database(self) -> None:
        database = sqlite3.connect(self._world.database, timeout=20, isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        time.sleep(_DATABASE_HELD_S)
        database.execute("ROLLBACK")
        database.close()

    def _close_database(self) -> None:
        self._world.close_database(self._dice.choice(_DATABASE_AWAY_S) if self._is_long else _DATABASE_AWAY_S[0])
