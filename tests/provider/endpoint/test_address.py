"""The address that calls without a session are counted for."""

import pytest
from django.test import RequestFactory
from pytest_django import Settings

from hosting.provider.endpoint.address import address_of


@pytest.mark.parametrize(
    ("https", "remote", "forwarded", "expected"),
    [
        (False, "192.0.2.1", "", "192.0.2.1"),
        # Without a proxy the header is whatever the caller wrote.
        (False, "192.0.2.1", "198.51.100.7", "192.0.2.1"),
        # The proxy appends: what is before its own entry is the caller's.
        (True, "127.0.0.1", "10.0.0.1, 198.51.100.7", "198.51.100.7"),
        (True, "192.0.2.1", "", "192.0.2.1"),
        (False, "2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        (False, "", "", ""),
        (True, "127.0.0.1", "no address", ""),
    ],
)
def test_address_is_the_one_that_the_server_or_its_proxy_saw(
    settings: Settings, https: bool, remote: str, forwarded: str, expected: str
) -> None:
    settings.HTTPS = https
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert address_of(RequestFactory(headers=headers).post("/xmlrpc/", REMOTE_ADDR=remote)) == expected
