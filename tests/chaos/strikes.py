"""What goes wrong: one thing each round, chosen by the dice."""

import random
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos.world import World

_FAULTS = (
    "drop_before",
    "drop_after",
    "truncate",
    "garbage",
    "503",
    "503_after",
    "refuse",
    "fail",
    "delay=2.2",
    "delay_after=2.2",
)
# What reads: `fail` is for calls that begin an operation.
_READING = ("operation_list", "operation_details", "vm_info", "disk_info", "vm_list", "hosting_account_info")
_READING_FAULTS = tuple(fault for fault in _FAULTS if fault != "fail")
_DATABASE_HELD_S = 2.0


class Striker:
    """Lets things go wrong, and counts them. The same dice choose the same things in the same order."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world, self._dice = world, dice
        # Calls have dice of their own: how many of them are thrown depends on what is asked for.
        self._aim = random.Random(dice.random())
        self.counts: Counter[str] = Counter()
        self._holders: list[threading.Thread] = []
        self._strikes: dict[str, tuple[int, Callable[[], None]]] = {
            "worker killed": (9, self._kill_worker),
            "Valkey killed, keys lost": (6, self._lose_keys),
            "login or su fails, keys lost": (6, self._fail_login),
            "provider restarted": (5, world.provider.restart_web),
            "provider's worker killed": (4, world.provider.worker.restart),
            "provider forgets sessions": (4, self._forget_sessions),
            "database refuses writes": (7, self._hold_database),
            "second beat": (4, world.toggle_second_beat),
            "web killed": (3, self._kill_web),
            "call": (52, lambda: None),
        }

    def choose(self) -> str:
        """What goes wrong in this round."""
        weights = [weight for weight, _ in self._strikes.values()]
        return self._dice.choices(list(self._strikes), weights)[0]

    def script(self, methods: Sequence[str]) -> None:
        """Have the next call of each of these methods go wrong, and of one that reads."""
        rules = [f"{method}:{self._aim.choice(_FAULTS)}@1" for method in dict.fromkeys(methods)]
        nth = self._aim.randint(1, 3)
        rules.append(f"{self._aim.choice(_READING)}:{self._aim.choice(_READING_FAULTS)}@{nth}")
        self._world.script(";".join(rules))

    def strike(self, what: str) -> None:
        """Do it. A call that goes wrong is counted when the provider has met it."""
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
        for holder in self._holders:
            holder.join()

    def _kill_worker(self) -> None:
        self._dice.choice(self._world.workers).restart()

    def _lose_keys(self) -> None:
        self._world.restart_valkey()

    def _fail_login(self) -> None:
        """The cached session is lost, and the login that follows goes wrong too."""
        method, fault = self._dice.choice(("login", "su")), self._dice.choice(_READING_FAULTS)
        self._world.script(f"{method}:{fault}@1")
        self._world.restart_valkey()

    def _forget_sessions(self) -> None:
        with sqlite3.connect(self._world.provider_database, timeout=20) as database:
            database.execute("DELETE FROM provider_apisession")
        database.close()

    def _kill_web(self) -> None:
        self._world.web.restart()

    def _hold_database(self) -> None:
        def hold() -> None:
            database = sqlite3.connect(self._world.database, timeout=20, isolation_level=None)
            database.execute("BEGIN IMMEDIATE")
            time.sleep(_DATABASE_HELD_S)
            database.execute("ROLLBACK")
            database.close()

        self._holders = [holder for holder in self._holders if holder.is_alive()]
        self._holders.append(threading.Thread(target=hold, name="holds the database"))
        self._holders[-1].start()
