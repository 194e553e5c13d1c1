"""The order in which transactions lock rows, seen on a running database.

Decision: docs/decisions/0039-rows-are-locked-in-one-order.md
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg.pq import TransactionStatus

# What is locked first comes first. Rows of other tables are only ever locked by who has locked the team, the bulk
# action or the account that they belong to.
ORDER = (
    "hosting_user",
    "mfa_authenticator",
    "hosting_team",
    "hosting_bulk",
    "hosting_plan",
    "hosting_operation",
    "hosting_account",
    "hosting_candidate",
    "hosting_spendinglimit",
    "hosting_audithead",
)
_EXPLICIT = re.compile(r'SELECT .* FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.DOTALL)
_INSERTING = re.compile(r'INSERT INTO "(\w+)"')
_WRITING = re.compile(r'(?:UPDATE|DELETE FROM) "(\w+)"')

# The tables of which a transaction has locked a row, in the order of its first one of each. Those that are not in
# `ORDER` are noted when a row was locked before it was written.
Locked = tuple[str, ...]


def violations(found: Iterable[Locked]) -> list[str]:
    """What differs from the order; also a row without a place in it that is locked before those that have one."""
    wrong = set()
    for tables in found:
        known = [table for table in tables if table in ORDER]
        if known and tables[0] not in ORDER:
            wrong.add(f"{known[0]} after {tables[0]}")
        for first, second in pairwise(known):
            if ORDER.index(second) < ORDER.index(first):
                wrong.add(f"{second} after {first}")
    return sorted(wrong)


class _OfThread(threading.local):
    """What the transaction of a thread has locked so far, and the tables of which it holds rows without a wait."""

    def __init__(self) -> None:
        self.locked: Locked = ()
        self.unwaited: set[str] = set()


class _Recorder:
    def __init__(self) -> None:
        self.found: set[Locked] = set()
        self._of_thread = _OfThread()

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        wrapper = context["connection"]
        if wrapper.in_atomic_block and wrapper.connection.info.transaction_status == TransactionStatus.IDLE:
            # The first statement of a transaction.
            self._of_thread.locked, self._of_thread.unwaited = (), set()
        result = execute(sql, params, many, context)
        if wrapper.in_atomic_block and context["cursor"].rowcount > 0:
            self._read(sql)
        return result

    def _read(self, sql: str) -> None:
        if inserting := _INSERTING.match(sql):
            # Nobody else sees the row yet, so that nobody can have locked it.
            self._of_thread.unwaited.add(inserting[1])
        elif explicit := _EXPLICIT.match(sql):
            if "SKIP LOCKED" in sql:
                # Who does not wait can't be part of a circle.
                self._of_thread.unwaited.add(explicit[1])
            self._note(explicit[1])
        elif (writing := _WRITING.match(sql)) and writing[1] in ORDER:
            self._note(writing[1])

    def _note(self, table: str) -> None:
        locked: Locked = self._of_thread.locked
        if table not in locked and table not in self._of_thread.unwaited:
            self._of_thread.locked = (*locked, table)
            self.found.add(self._of_thread.locked)

    def attach(self, connection: BaseDatabaseWrapper, **_: object) -> None:
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)


@contextmanager
def recorded() -> Iterator[set[Locked]]:
    """What the transactions of all threads lock while the block runs."""
    recorder = _Recorder()
    connection_created.connect(recorder.attach, weak=False)
    recorder.attach(connection=connection)
    try:
        yield recorder.found
    finally:
        connection_created.disconnect(recorder.attach)
        connection.execute_wrappers.remove(recorder)
