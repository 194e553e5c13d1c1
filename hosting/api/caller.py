"""One call of a session, and the values that any reply may consist of."""

from hosting.api.errors import Garbled
from hosting.api.methods import CHANGING
from hosting.api.transport import Transport


class Caller:
    """Makes the calls of one session. `session` is a secret: no repr, message or log shows it."""

    __slots__ = ("_session", "transport")

    def __init__(self, transport: Transport, session: str) -> None:
        self.transport = transport
        self._session = session

    def _array(self, method: str, *params: object) -> list[object]:
        value = self._call(method, *params)
        if not isinstance(value, list):
            raise Garbled(f"The reply to {method} is no array.")
        return value

    def _call(self, method: str, *params: object, secrets: tuple[str, ...] = ()) -> object:
        return self.transport.call(
            method, (self._session, *params), secrets=(self._session, *secrets), fresh=method in CHANGING
        )

    def _id(self, method: str, *params: object, secrets: tuple[str, ...] = ()) -> int:
        return number(self._call(method, *params, secrets=secrets), method)

    def _ids(self, method: str, *params: object) -> list[int]:
        return [number(each, method) for each in self._array(method, *params)]


def number(value: object, method: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise Garbled(f"The reply to {method} has something else where an id belongs.")
    return value


def text(value: object, method: str) -> str:
    if not isinstance(value, str) or not value:
        raise Garbled(f"The reply to {method} is no text.")
    return value
