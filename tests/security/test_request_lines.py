"""A refused request is one line in the log, without secrets, and many of a kind are few lines."""

import logging
import re
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.teams.roles import Role
from panel import request_lines
from tests import factories

PLANTED = "plant3d-secret-of-a-form"
LINE = re.compile(r"^(?P<reason>[^:]+): (?P<path>/\S*) \((?P<method>\w+), (?P<status>4\d\d), from (?P<address>[^,)]+)")


class Lines(logging.Handler):
    """Collects what the console would show."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.addFilter(request_lines.Refused())
        self.setFormatter(logging.Formatter("%(message)s"))
        self.shown: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.shown.append(self.format(record))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    handler = Lines()
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    return handler.shown


def multipart(body: bytes, boundary: str = "x") -> dict[str, object]:
    return {"data": body, "content_type": f"multipart/form-data; boundary={boundary}"}


def other_host(_account: Account) -> int:
    return Client().get(f"/?token={PLANTED}", headers={"Host": "evil.example"}).status_code


def no_permission(account: Account) -> int:
    client = Client()
    client.force_login(factories.member(Role.VIEWER, of=account.team).user)
    return client.post(reverse("shares_add", args=[account.pk]), {"product_name": PLANTED}).status_code


def no_form_token(_account: Account) -> int:
    return Client(enforce_csrf_checks=True).post("/auth/login/", {"password": PLANTED}).status_code


def too_many_fields(_account: Account) -> int:
    return Client().post("/auth/login/", {f"{PLANTED}{number}": "1" for number in range(1001)}).status_code


def too_big(_account: Account) -> int:
    return Client().post("/auth/login/", {"password": PLANTED * 150_000}).status_code


def broken_multipart(_account: Account) -> int:
    return Client().post("/auth/login/", **multipart(PLANTED.encode(), boundary="")).status_code  # type: ignore[arg-type]


def too_many_parts(_account: Account) -> int:
    part = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n' + PLANTED.encode() + b"\r\n"
    return Client().post("/auth/login/", **multipart(part * 101 + b"--x--\r\n")).status_code  # type: ignore[arg-type]


def missing(_account: Account) -> int:
    return Client().get(f"/{PLANTED}{PLANTED}/?token={PLANTED}").status_code


def wrong_method(_account: Account) -> int:
    return Client().put("/health").status_code


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("cause", "status", "reason"),
    [
        (other_host, 400, "DisallowedHost"),
        (no_permission, 403, PermissionDenied.__name__),
        (no_form_token, 403, "Forbidden (CSRF cookie not set.)"),
        (too_many_fields, 413, "TooManyFieldsSent"),
        (too_big, 413, RequestDataTooBig.__name__),
        (broken_multipart, 400, "MultiPartParserError"),
        (too_many_parts, 400, "TooManyFilesSent"),
        (missing, 404, "Not Found"),
        (wrong_method, 405, "Method Not Allowed"),
    ],
)
def test_refused_request_is_one_line(
    lines: list[str], account: Account, settings: Settings, cause: Callable[[Account], int], status: int, reason: str
) -> None:
    assert cause(account) == status
    assert len(lines) == 1, lines
    found = LINE.match(lines[0])
    assert found, lines
    assert (found["reason"], int(found["status"]), found["address"]) == (reason, status, "127.0.0.1")
    assert "\n" not in lines[0]
    assert PLANTED not in lines[0]
    assert "?" not in lines[0]


@pytest.mark.django_db
def test_many_of_one_reason_and_address_are_few_lines(lines: list[str]) -> None:
    for _ in range(100):
        Client().get("/none/")
    assert len(lines) == 5
    assert "100 times in ten minutes" in lines[-1]
    # Another reason, and another address, are counted on their own.
    Client().put("/health")
    Client(REMOTE_ADDR="192.0.2.9").get("/none/")
    assert len(lines) == 7


def test_addresses_of_one_network_and_too_many_kinds_are_counted_together() -> None:
    refused = request_lines.Refused()
    assert request_lines._network("2001:db8::1") == request_lines._network("2001:db8::2")
    for number in range(3_000):
        refused._count("Not Found", f"192.0.2.{number}")
    assert len(refused._counts) <= 1_001


@pytest.mark.django_db
def test_line_breaks_in_an_address_do_not_forge_a_line(lines: list[str]) -> None:
    Client().get("/a%0AERROR%20forged/")
    assert len(lines) == 1
    assert "\n" not in lines[0]


@pytest.mark.django_db
def test_fault_of_the_panel_keeps_its_traceback(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hosting.web.access.scope._to_sign_in", lambda _request: 1 / 0)
    Client(raise_request_exception=False).get("/accounts/")
    assert "ZeroDivisionError" in lines[0]
