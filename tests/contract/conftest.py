"""An independent client (the standard library's) and fresh customers of the provider."""

import http.client
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.processes import Process, Provider

PASSWORD = "passw0rd-of-a-test"
POOL = """
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from hosting.provider.models import *
from hosting.provider.seed import add_handle
from django.db import transaction
with transaction.atomic():
    for number in range(120):
        add_handle(f"T{number:02}-TEST", f"Test {number}", "500.00")
    # Cheap on purpose: each of these logs in for one test.
    cheap = PBKDF2PasswordHasher().encode("passw0rd-of-a-test", "salt", iterations=1000)
    Handle.objects.filter(handle__endswith="-TEST").update(password=cheap)
"""


class Member:
    """A handle with a session: `member.vm_list()` calls `vm_list(session)`. `limit_s`: how long operations may take."""

    limit_s = 20.0

    def __init__(self, url: str, handle: str, password: str = PASSWORD, *, safe: bool = False) -> None:
        self.url, self.handle, self.password = url, handle, password
        self.proxy = xmlrpc.client.ServerProxy(url)
        self.session = str(self.proxy.login(handle, password, safe))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda *args: getattr(self.proxy, name)(self.session, *args)

    def wait(self, operation_id: int, seconds: float | None = None) -> dict[str, Any]:
        """The details of an operation once it has ended."""
        deadline = time.monotonic() + (seconds or self.limit_s)
        while True:
            details: dict[str, Any] = self.operation_details(operation_id)
            if details["state"] not in {"PENDING", "RUN"}:
                return details
            assert time.monotonic() < deadline, details
            time.sleep(0.01)

    def done(self, operation_id: int) -> dict[str, Any]:
        details = self.wait(operation_id)
        assert details["state"] == "DONE", details
        return details

    def made(self, kind: str, **param: Any) -> int:
        """The id of the newest operation of that type with those parameters."""
        newest: int = self.operation_list({"type": kind, "param": param})[0]
        return newest

    def buy(self, shares: int) -> int:
        """Buy flexible shares for a month and return the product's id."""
        product_id: int = self.done(self.hosting_account_product_add("shares", shares, "1m"))["product_id"]
        return product_id

    def new_vm(self, shares: int = 1, hostname: str = "web1", cpu: int = 1) -> int:
        vm_id: int = self.vm_create(hostname, "secret-pass-1", 111, shares, cpu, {"login": "admin"})
        self.done(self.made("vm_create", vm_id=vm_id))
        return vm_id

    def new_disk(self, size: int = 2048, name: str = "data") -> int:
        disk_id: int = self.disk_create({"size": size, "name": name, "fstype": "ext3"})
        self.done(self.made("disk_create", disk_id=disk_id))
        return disk_id

    def resources(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = self.hosting_account_info()["resources"][kind]
        return found

    def code(self, method: str, *args: Any) -> int:
        """The fault code that a call is answered with."""
        with pytest.raises(xmlrpc.client.Fault) as refused:
            getattr(self, method)(*args)
        return refused.value.faultCode


class Held:
    """Calls that are held, each on a connection of its own, without a thread of ours."""

    def __init__(self, member: Member, cursor: str, count: int, wait_s: int) -> None:
        body = xmlrpc.client.dumps((member.session, cursor, wait_s), "sharedeck.changes")
        address = urlsplit(member.url).netloc
        self.connections = [http.client.HTTPConnection(address, timeout=40) for _ in range(count)]
        for connection in self.connections:
            connection.request("POST", "/xmlrpc/", body, {"Content-Type": "text/xml"})

    def statuses_and_sizes(self) -> list[tuple[int, int]]:
        """The HTTP status of each answer, and how many changes it names."""
        found = []
        for connection in self.connections:
            response = connection.getresponse()
            answer: Any = xmlrpc.client.loads(response.read())[0][0]
            found.append((response.status, len(answer["changes"])))
        return found

    def hang_up(self) -> None:
        for connection in self.connections:
            connection.close()


@pytest.fixture(scope="session")
def pool(provider: Provider) -> Iterator[str]:
    provider.shell(POOL)
    return iter([f"T{number:02}-TEST" for number in range(120)])


@pytest.fixture
def member(provider: Provider, pool: Iterator[str]) -> Member:
    """A handle with 500 EUR and nothing else."""
    return Member(provider.url, next(pool))


@pytest.fixture(scope="session")
def reseller(provider: Provider) -> Member:
    """The demonstration's reseller. Its things are looked at, not changed."""
    return Member(provider.url, "AA1234-GANDI", "mypassword")


@pytest.fixture
def owner(member: Member) -> Member:
    """A handle with four shares, all free."""
    member.buy(4)
    return member


@pytest.fixture
def second_worker(provider: Provider) -> Iterator[None]:
    """Another worker beside the provider's own."""
    worker = Process(provider.worker.arguments, provider.env, provider.directory / "second-worker.log")
    # Its log says nothing before there is something to do.
    time.sleep(5)
    yield
    worker.kill()
