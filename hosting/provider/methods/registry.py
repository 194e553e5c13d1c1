"""The table of the API's methods, and the one path every call takes through it.

A method declares its parameters; arity and types are checked here, then its own `check` looks at syntax and
value, then the session must exist, and only then the method runs. That order (type, syntax, value,
existence, rights, state) is the API's own.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import transaction

from hosting.provider.faults import Cause, DataFault, Object, bad_type, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.models import ApiSession
from hosting.provider.rules import validation

log = logging.getLogger(__name__)

Kind = Literal["int", "string", "boolean", "dateTime.iso8601", "struct", "array"]
_PYTHON: dict[Kind, type] = {
    "int": int,
    "string": str,
    "boolean": bool,
    "dateTime.iso8601": datetime,
    "struct": dict,
    "array": list,
}


@dataclass(frozen=True)
class Param:
    """One parameter: its name, its type on the wire, and the object that its faults are about.

    `ints`: the keys of a struct whose values are ints. `of`: the type of an array's elements.
    """

    name: str
    kind: Kind
    about: Object
    optional: bool = False
    ints: tuple[str, ...] = ()
    of: Literal["int"] | None = None

    def typed(self, value: Any) -> Any:
        """The value, in which strings of digits became ints where these belong.

        Raises:
            DataFault: it has another type; its cause is TYPE.
        """
        if self.kind == "int":
            return validation.integer(value, self.about, self.name)
        if not isinstance(value, _PYTHON[self.kind]):
            raise bad_type(self.about, self.name, value, self.kind)
        found: Any = value
        if self.of:
            return [validation.integer(each, self.about, self.name) for each in found]
        for key in self.ints:
            if key in found:
                found = {**found, key: validation.integer(found[key], self.about, key)}
        return found


@dataclass(frozen=True)
class Method:
    """One method. `writes`: it runs in a transaction with the hosting account locked."""

    name: str
    params: tuple[Param, ...]
    check: Callable[..., None] | None
    run: Callable[..., Any]
    session: bool
    writes: bool


METHODS: dict[str, Method] = {}
SESSION = Param("session", "string", Object.SESSION)


def method(
    name: str,
    *params: Param,
    check: Callable[..., None] | None = None,
    session: bool = True,
    writes: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a function as the method `name`. It gets the `Call` and the arguments after the session."""

    def register(run: Callable[..., Any]) -> Callable[..., Any]:
        every = (SESSION, *params) if session else params
        METHODS[name] = Method(name, every, check, run, session, writes)
        return run

    return register


def _typed(called: Method, args: list[Any]) -> list[Any]:
    least = sum(not param.optional for param in called.params)
    if not least <= len(args) <= len(called.params):
        wanted = str(least) if least == len(called.params) else f"{least} to {len(called.params)}"
        raise DataFault(Object.METHOD, Cause.TYPE, f"{wanted} arguments expected", called.name, len(args))
    return [param.typed(value) for param, value in zip(called.params, args, strict=False)]


def execute(name: str, args: list[Any], session: ApiSession | None, scripted_failure: str = "") -> Any:
    """Run one call. `session` is the live one that its first argument names, if there is one.

    Raises:
        Fault: when the call is refused.
    """
    called = METHODS.get(name)
    if called is None:
        raise not_found(Object.METHOD, "method", name)
    typed = _typed(called, args)
    own = typed[1:] if called.session else typed
    if called.check:
        called.check(*own)
    if not called.session:
        log.debug("%s", name)
        return called.run(*own)
    if session is None:
        raise not_found(Object.SESSION, "session", None)
    call = Call(session, scripted_failure)
    if not called.writes:
        log.debug("%s by %s", name, session.handle.handle)
        return called.run(call, *own)
    with transaction.atomic():
        call.lock_account()
        result = called.run(call, *own)
    log.info("%s by %s: %s", name, session.handle.handle, result)
    return result
