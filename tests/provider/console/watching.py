"""What watches a console in tests: a WebSocket that remembers what it was shown."""

import time
from contextlib import ExitStack
from types import TracebackType

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.contract.conftest import Member


class Watcher:
    """One viewer. Leave it by the end of its `with` block."""

    def __init__(self, url: str) -> None:
        self._leaving = ExitStack()
        self.connection: ClientConnection = self._leaving.enter_context(
            connect(url, compression=None, max_size=None, proxy=None)
        )
        self.seen = b""

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leaving.close()

    def until(self, text: str, seconds: float = 15) -> str:
        """Read until the text is shown, and return all that was shown up to its end. It counts once."""
        wanted = text.encode()
        deadline = time.monotonic() + seconds
        while wanted not in self.seen:
            try:
                shown = self.connection.recv(max(0.0, deadline - time.monotonic()))
            except (TimeoutError, ConnectionClosed) as error:
                raise AssertionError(f"{text!r} was not shown: {error!r} after {self.seen[-500:]!r}") from None
            assert isinstance(shown, bytes)
            self.seen += shown
        before, _, self.seen = self.seen.partition(wanted)
        return (before + wanted).decode("utf-8", "replace")

    def type(self, text: str) -> None:
        self.connection.send(text.encode())

    def run(self, command: str, prompt: str = "# ") -> str:
        """What a command in the shell prints."""
        self.type(f"{command}\r")
        self.until(f"{command}\r\n")
        return self.until(prompt).replace("\r\n", "\n").rpartition("\n")[0]

    def log_in(self, user: str = "root", password: str = "any-pass-1", prompt: str = "# ") -> None:
        self.until("login: ")
        self.type(f"{user}\r")
        self.until("Password: ")
        self.type(f"{password}\r")
        self.until(prompt)

    def closed(self, seconds: float = 15) -> tuple[int, str]:
        """Read on until the provider closes, and return its code and reason."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                shown = self.connection.recv(max(0.0, deadline - time.monotonic()))
            except ConnectionClosed as closed:
                return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
            assert isinstance(shown, bytes)
            self.seen += shown


def console_of(member: Member, vm_id: int) -> str:
    """The address of the VM's console, with a new ticket."""
    answer: dict[str, str] = getattr(member, "sharedeck.console")(vm_id)
    return answer["url"]


def watch(member: Member, vm_id: int) -> Watcher:
    """A new viewer of the VM's console."""
    return Watcher(console_of(member, vm_id))


def refusal(url: str) -> tuple[int, bytes]:
    """The status and the text of the answer to a connection that is refused."""
    try:
        with connect(url, compression=None, proxy=None):
            pass
    except InvalidStatus as refused:
        return refused.response.status_code, bytes(refused.response.body or b"")
    raise AssertionError("it was let in")
