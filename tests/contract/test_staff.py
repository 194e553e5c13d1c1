"""The provider's staff at /admin/."""

import http.client
import http.cookiejar
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider, start_provider


class From(urllib.request.HTTPHandler):
    """Connects from an address."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.connection = partial(http.client.HTTPConnection, source_address=(source, 0))

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self.connection, req)


class Browser:
    """Just enough of one: cookies, and forms with their CSRF token."""

    def __init__(self, provider: Provider, source: str = "127.0.0.1") -> None:
        self.root = f"http://127.0.0.1:{provider.port}"
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies), From(source))

    def get(self, path: str) -> str:
        with self.opener.open(self.root + path) as page:
            return str(page.read().decode())

    def post(self, path: str, **fields: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))
        assert token
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        with self.opener.open(self.root + path, body) as page:
            return str(page.read().decode())


def staff(provider: Provider) -> Browser:
    browser = Browser(provider)
    browser.post("/admin/login/?next=/admin/", username="admin", password="staff-passw0rd")
    return browser


def test_every_list_and_detail_is_shown_without_secrets(provider: Provider) -> None:
    browser = staff(provider)
    details = {
        "vm": 456,
        "disk": 123,
        "product": 1234,
        "operation": 1,
        "ledgertransaction": 1,
        "osimage": 111,
        "host": 1,
        "address": 1,
    }
    for model, pk in {"handle": 1, "price": 1, **details}.items():
        assert "AA1234" in browser.get("/admin/provider/handle/?q=AA1234")
        assert browser.get(f"/admin/provider/{model}/")
        page = browser.get(f"/admin/provider/{model}/{pk}/change/")
        assert "scrypt$" not in page
        assert "sealed" not in page


def test_a_password_and_a_deposit(provider: Provider, member: Member) -> None:
    code = f"from hosting.provider.models import *; print(Handle.objects.get(handle={member.handle!r}).pk)"
    pk = provider.shell(code)
    hosting = {
        "hosting_account-TOTAL_FORMS": "0",
        "hosting_account-INITIAL_FORMS": "0",
        "hosting_account-MIN_NUM_FORMS": "0",
        "hosting_account-MAX_NUM_FORMS": "1",
    }
    fields = {
        "handle": member.handle,
        "fullname": "Renamed",
        "reseller": "",
        "new_password": "another-passw0rd",
    }
    path = f"/admin/provider/handle/{pk}/change/"
    browser = staff(provider)
    page = browser.post(path, **fields, deposit="12.50", **hosting)
    assert "was changed successfully" in page
    assert "another-passw0rd" not in browser.get(path)
    again = Member(provider.url, member.handle, "another-passw0rd")
    assert again.account_balance() == 512.5
    assert again.hosting_account_info()["fullname"] == "Renamed"


def test_staff_pauses_a_vm_and_its_owner_starts_it(provider: Provider, owner: Member) -> None:
    vm_id = owner.new_vm()
    path = f"/admin/provider/vm/{vm_id}/change/"
    assert "was changed successfully" in staff(provider).post(path, state="paused", description="too loud")
    vm = owner.vm_info(vm_id)
    assert (vm["state"], vm["description"]) == ("paused", "too loud")
    owner.done(owner.vm_start(vm_id))
    assert owner.vm_info(vm_id)["state"] == "running"


def test_session_of_the_staff_is_stored_without_its_key(provider: Provider) -> None:
    browser = staff(provider)
    key = next(cookie.value for cookie in browser.cookies if cookie.name == "provider_sessionid")
    assert key
    code = "from django.contrib.sessions.models import Session; print(*Session.objects.values_list('pk', flat=True))"
    assert key not in provider.shell(code).split()
    assert "Log out" in browser.get("/admin/")


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Provider]:
    """A provider that limits guesses."""
    provider = start_provider(tmp_path, PROVIDER_RATE_LIMIT="1000")
    yield provider
    provider.stop()


def guess(provider: Provider, name: str, password: str, source: str = "127.0.0.1") -> str:
    """The page after a sign-in from that address."""
    return Browser(provider, source).post("/admin/login/?next=/admin/", username=name, password=password)


def test_guesses_at_the_staff_sign_in_are_limited_by_address_and_name(limited: Provider) -> None:
    for number in range(10):
        assert "Please enter the correct username" in guess(limited, "admin", f"guess-{number}")
    # The right password too: nobody learns that it was.
    assert "Too many attempts. Try again in" in guess(limited, "admin", "staff-passw0rd")
    assert "Log out" in guess(limited, "admin", "staff-passw0rd", source="127.0.0.2")
    with ThreadPoolExecutor(4) as guessers:
        pages = list(guessers.map(lambda number: guess(limited, f"name-{number}", "guess"), range(20)))
    assert all("Please enter the correct username" in page for page in pages)
    assert "Too many attempts. Try again in" in guess(limited, "one-more", "guess")
    lines = [line for line in limited.web.log.read_text().splitlines() if "staff sign-in" in line]
    assert len(lines) == 32
    assert sum("too many attempts" in line for line in lines) == 2
    assert all(line.count("refused from 127.0.0.1:") == 1 for line in lines)
    assert not [line for line in lines if "guess" in line or "name-" in line or "admin" in line.partition(": ")[2]]
