"""Faults of the API: a code of six digits (qualification, object, cause) and a text.

Source: the chapter on error codes of the Hosting API. Below 500000 the server is at fault and the call may be
tried again later; from 500000 on the call itself must be corrected.
"""

from enum import IntEnum


class Object(IntEnum):
    """What a fault is about: the three digits in the middle of its code."""

    PASSWORD = 1
    DATABASE = 100
    CREDENTIALS = 101
    SESSION = 102
    HANDLE = 103
    METHOD = 200
    HOSTING_ACCOUNT = 300
    PRODUCT = 301
    APPLICATION = 500
    VM = 801
    DISK = 802
    OS = 803
    OPERATION = 804


class Cause(IntEnum):
    """What is wrong with it, in the order in which a call is checked: the last two digits of a data fault."""

    TYPE = 10
    SYNTAX = 20
    VALUE = 30
    MISSING = 40
    RIGHTS = 50
    STATE = 60


class Fault(Exception):  # noqa: N818 (the wire calls it so)
    """A call that is answered with a fault."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class DataFault(Fault):
    """The caller's fault. `element` names what is wrong and `value` shows it, unless it is a secret."""

    def __init__(self, about: Object, cause: Cause, reason: str, element: str, value: object = None) -> None:
        shown = "hidden" if element in {"password", "session", "user_data"} else _shorten(value)
        super().__init__(500000 + about * 100 + cause, f"DataError: {reason} [{element}: {shown}]")


class ServerFault(Fault):
    """The provider's fault; nothing of the caller's data is repeated in it."""

    def __init__(self, code: int, reason: str, element: str = "server") -> None:
        super().__init__(code, f"ServerError: {reason} [{element}: try again later]")


CONNECTION_LOST = 110010
QUERY_FAILED = 110020
INTERNAL_ERROR = 150000
WRONG_CREDENTIALS = 510150


def _shorten(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def bad_type(about: Object, element: str, value: object, wanted: str) -> DataFault:
    return DataFault(about, Cause.TYPE, f"{wanted} expected", element, type(value).__name__)


def bad_syntax(about: Object, element: str, value: object, reason: str = "") -> DataFault:
    return DataFault(about, Cause.SYNTAX, reason or f"invalid syntax for {element}", element, value)


def bad_value(about: Object, element: str, value: object, reason: str = "") -> DataFault:
    return DataFault(about, Cause.VALUE, reason or f"invalid value for {element}", element, value)


def not_found(about: Object, element: str, value: object) -> DataFault:
    return DataFault(about, Cause.MISSING, f"no such {about.name.lower().replace('_', ' ')}", element, value)


def no_right(about: Object, element: str, value: object, reason: str = "") -> DataFault:
    return DataFault(about, Cause.RIGHTS, reason or "no right on it", element, value)


def bad_state(about: Object, element: str, value: object, reason: str) -> DataFault:
    return DataFault(about, Cause.STATE, reason, element, value)
