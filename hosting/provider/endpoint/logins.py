"""The execution of `login`, which anybody may call and which costs a quarter of a second of the processor. The staff's
sign-in at `/admin/` waits in the same line.

In each process one password is hashed at a time, while other calls are executed: threads that hash let others run. A
thread waits for each login in line, so the line is short enough that others always find one: see
`hosting.provider.serving`.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.views.decorators.debug import sensitive_variables

from hosting.provider.endpoint.rate_limit import TooManyError, WrongPasswords
from hosting.provider.faults import WRONG_CREDENTIALS, Fault
from hosting.provider.methods.registry import execute

AT_MOST = 16
# A login that waits longer is refused before its client takes it for lost.
_PATIENCE_S = 10
_line = threading.BoundedSemaphore(AT_MOST)
_hashing = threading.Lock()


@sensitive_variables("args")
def log_in(args: list[Any], address: str) -> Any:
    """Execute `login`, called from `address`.

    Raises:
        Fault: it is refused.
        TooManyError: too many wrong passwords, or too many logins at once.
    """
    with in_line():
        return _log_in(args, WrongPasswords(address, str(args[0]) if args else ""))


@contextmanager
def in_line() -> Iterator[None]:
    """Wait in line to hash a password, and run the block when it is this thread's turn.

    Raises:
        TooManyError: too many logins at once.
    """
    if not _line.acquire(blocking=False):
        raise TooManyError(1)
    try:
        if not _hashing.acquire(timeout=_PATIENCE_S):
            raise TooManyError(1)
        try:
            yield
        finally:
            _hashing.release()
    finally:
        _line.release()


@sensitive_variables("args")
def _log_in(args: list[Any], wrong: WrongPasswords) -> Any:
    wrong.check()
    try:
        return execute("login", args, None)
    except Fault as fault:
        if fault.code == WRONG_CREDENTIALS:
            wrong.count()
        raise
