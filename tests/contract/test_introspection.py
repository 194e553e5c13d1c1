"""`system.*`: what the server serves, as every XML-RPC client asks for it, without a session."""

import xmlrpc.client
from typing import Any

import pytest

from hosting.api import EXTENSIONS, METHODS
from tests.processes import Provider


@pytest.fixture
def proxy(provider: Provider) -> Any:
    return xmlrpc.client.ServerProxy(provider.url)


def test_every_method_is_listed(proxy: Any) -> None:
    listed = set(proxy.system.listMethods())
    assert {*METHODS, *EXTENSIONS, "system.listMethods", "system.methodHelp", "system.methodSignature"} == listed


def test_every_method_has_a_signature_and_help(proxy: Any) -> None:
    types = {"int", "string", "boolean", "double", "dateTime.iso8601", "struct", "array"}
    for name in proxy.system.listMethods():
        signatures = proxy.system.methodSignature(name)
        assert signatures, name
        assert types.issuperset(kind for signature in signatures for kind in signature), name
        assert str(proxy.system.methodHelp(name)).startswith(f"{name}("), name


def test_optional_parameters_are_in_the_signature_and_named_in_the_help(proxy: Any) -> None:
    assert proxy.system.methodSignature("login") == [
        ["string", "string", "string"],
        ["string", "string", "string", "boolean"],
    ]
    assert str(proxy.system.methodHelp("login")).startswith("login(login, password, [safe])")


@pytest.mark.parametrize("method", ["methodSignature", "methodHelp"])
def test_unknown_method_does_not_exist(proxy: Any, method: str) -> None:
    with pytest.raises(xmlrpc.client.Fault) as refused:
        getattr(proxy.system, method)("nothing")
    assert refused.value.faultCode == 520040
