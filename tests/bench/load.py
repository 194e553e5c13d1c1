"""A load generator in a process of its own: the same request again and again on kept connections.

It shares the processors with the server, so it does as little as it can: raw sockets, one thread, no parsing beyond
the status and the length of an answer. It reads a plan as JSON from standard input and prints what it measured:

    {"port": 8000, "request": "GET / HTTP/1.1\\r\\n...", "connections": 8, "seconds": 5, "status": 200}
"""

import json
import re
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass

from tests.bench.report import require
from tests.bench.timing import Times

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CLOSES = re.compile(rb"(?i)\r\nconnection: *close")


@dataclass(frozen=True)
class Load:
    """What a server did for so many clients that never pause."""

    requests_per_s: float
    times: Times


def run(port: int, request: str, *, connections: int, seconds: float, status: int) -> Load:
    """Load the server for `seconds` from another process; raises BenchError when an answer has another status."""
    plan = {"port": port, "request": request, "connections": connections, "seconds": seconds, "status": status}
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(plan),
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        check=False,
    )
    require(done.returncode == 0, f"the load generator failed: {done.stderr[-500:]}")
    result = json.loads(done.stdout)
    require(len(result["times"]) > 1, "the server answered less than two requests")
    return Load(len(result["times"]) / result["seconds"], Times(result["times"]))


class _Client:
    """One client: a kept connection with one request under way."""

    def __init__(self, port: int, request: bytes) -> None:
        self.port, self.request = port, request
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self) -> None:
        self.data, self.wanted = b"", -1
        self.began = time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self) -> int:
        """Read what is there; the status when the answer is whole, else 0."""
        received = self.socket.recv(262144)
        if not received and self.wanted < 0:
            raise ConnectionError("closed without a whole answer")
        self.data += received
        if self.wanted < 0:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return 0
            found = _LENGTH.search(self.data, 0, end + 4)
            self.wanted = end + 4 + (int(found.group(1)) if found else 0)
        if len(self.data) < self.wanted:
            if not received:
                raise ConnectionError("closed in the middle of an answer")
            return 0
        return int(self.data[9:12])

    def renew(self) -> bool:
        """Open a new connection where the server has ended this one. True when it did."""
        if not _CLOSES.search(self.data[: self.data.find(b"\r\n\r\n") + 2]):
            return False
        self.socket.close()
        self.connect()
        return True


def _measure(port: int, request: bytes, connections: int, seconds: float, status: int) -> dict[str, object]:
    clients = [_Client(port, request) for _ in range(connections)]
    times: list[float] = []
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        started = time.perf_counter()
        # On a busy machine the first answers may take longer than that.
        while (now := time.perf_counter()) - started < (seconds if len(times) > 1 else seconds + 30):
            for key, _ in selector.select(timeout=1):
                client = key.data
                if not (answered := client.receive()):
                    continue
                if answered != status:
                    raise SystemExit(f"answered {answered} and not {status}: {client.data[:300]!r}")
                times.append(time.perf_counter() - client.began)
                old = client.socket
                selector.unregister(old)
                client.renew()
                selector.register(client.socket, selectors.EVENT_READ, client)
                client.send()
        took = now - started
    for client in clients:
        client.socket.close()
    return {"seconds": took, "times": times}


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    plan["request"] = plan["request"].encode()
    print(json.dumps(_measure(**plan)))
