"""Errors of API calls. A refusal (a fault) and a missing answer are different types.

No exception here holds a secret: external texts are scrubbed before they reach a constructor.
"""

# ruff: noqa: N818 (the names say what is known, which is more than "error")

import enum
import re


class ApiError(Exception):
    """Any failed call of the Hosting API. `message` is for people and holds no secret."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotSent(ApiError):
    """Not a byte of the request was written (name, connection or TLS failed): nothing can have happened."""


class NotEncodable(ApiError, ValueError):
    """A parameter that XML-RPC cannot carry: a control character, an int beyond 32 bits. Never sent."""


class Unanswered(ApiError):
    """The request, or a part of it, was sent, and no usable reply came: the call may have happened.

    The API is not idempotent (contract, "Limits a client must keep"): find out by reading, and never resend
    a change.
    """


class Garbled(Unanswered):
    """A reply came that is no XML-RPC, or whose value has another type than the contract says."""


class RateLimited(ApiError):
    """HTTP 429: more than 30 calls in 2 seconds for a login. The call was not executed.

    `retry_after_s` says how many seconds to wait, 0.1 to 60.
    """

    def __init__(self, retry_after_s: float = 1.0) -> None:
        super().__init__(f"The provider asks to wait {retry_after_s:g} s: too many calls.")
        self.args = (retry_after_s,)
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return self.message


class RequestTooLarge(ApiError):
    """HTTP 413: the request is larger than the server takes (contract: 1 MiB). It was not executed."""


class FaultObject(enum.IntEnum):
    """The three digits of a data fault that say what the complaint is about (contract, "Faults")."""

    PASSWORD = 1
    CREDENTIALS = 101
    SESSION = 102
    HANDLE = 103
    METHOD = 200
    HOSTING_ACCOUNT = 300
    PRODUCT = 301
    VM = 801
    DISK = 802
    OS = 803
    OPERATION = 804


class Cause(enum.IntEnum):
    """The last two digits of a data fault: why (contract, "Faults")."""

    TYPE = 10
    SYNTAX = 20
    VALUE = 30
    NOT_FOUND = 40
    NO_RIGHT = 50
    STATE = 60


_OBJECTS = frozenset(map(int, FaultObject))
_CAUSES = frozenset(map(int, Cause))


class Fault(ApiError):
    """The server refused the call and did not execute it. `text` is the `faultString`, scrubbed."""

    def __init__(self, code: int, text: str) -> None:
        said = re.sub(r"^(?:Data|Server)Error:\s*", "", text).strip()
        super().__init__(f"{said or 'The provider gives no reason'} (fault {code})")
        self.args = (code, text)
        self.code = code
        self.text = text

    def __str__(self) -> str:
        return self.message


class ServerFault(Fault):
    """A code below 500000: the provider's own trouble. Say so, and try again later."""


class DataFault(Fault):
    """A code of 500000 or more: say what to correct, and never resend the call as it is.

    `object` and `cause` are plain ints where the contract has no name for them. `element` and `value` come
    from the `[element: value]` at the end of the text and are empty without one.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        about, why = code // 100 % 1000, code % 100
        self.object: FaultObject | int = FaultObject(about) if about in _OBJECTS else about
        self.cause: Cause | int = Cause(why) if why in _CAUSES else why
        named = re.search(r"\[([^\[\]:]{1,100}):\s*(.*)\]\s*$", text, re.DOTALL)
        self.element = named[1].strip() if named else ""
        self.value = named[2] if named else ""


class SessionFault(DataFault):
    """5 102 40: the session is unknown or has expired. Log in again."""


class CredentialsRefused(DataFault):
    """5 101 50: the login or its password is wrong."""


_BY_CODE: dict[int, type[DataFault]] = {510240: SessionFault, 510150: CredentialsRefused}


def fault_from(code: int, text: str) -> Fault:
    """The exception for a fault, to be raised. `text` must already be scrubbed of secrets."""
    if code < 500_000:
        return ServerFault(code, text)
    return _BY_CODE.get(code, DataFault)(code, text)
