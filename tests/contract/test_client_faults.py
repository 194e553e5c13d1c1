"""Every fault of every method as the panel's client tells it, against the real provider process."""

from typing import Any

import pytest

from hosting.api import (
    CHANGING,
    METHODS,
    Cause,
    Client,
    CredentialsRefused,
    DataFault,
    FaultObject,
    RateLimited,
    ServerFault,
    SessionFault,
    Transport,
    login,
    su,
)
from tests.contract.conftest import PASSWORD, Member
from tests.contract.test_faults import FAULTS
from tests.processes import Provider, start_provider

# A valid call of each method that needs a session and arguments, for objects of the demonstration.
VALID: dict[str, tuple[Any, ...]] = {
    "su": ("AA1234-GANDI",),
    "hosting_account_product_add": ("shares", 1, "1m"),
    "hosting_account_product_renew": (1234, "1m"),
    "hosting_account_product_remove": (1302,),
    "hosting_account_product_update": (1234, 9),
    "vm_create": ("web", "passw0rd", 111, 1, 1, {"login": "admin"}),
    "vm_info": (456,),
    "vm_update": (9876, {"shares": 2}),
    "vm_delete": (9876,),
    "vm_start": (9876,),
    "vm_stop": (456,),
    "vm_reboot": (456,),
    "vm_disk_list": (456,),
    "vm_disk_link": (456, 123),
    "disk_create": ({"size": 2048, "name": "data", "fstype": "ext3"},),
    "disk_info": (123,),
    "disk_delete": (1928,),
    "disk_attach": (1928, 456),
    "disk_detach": (123, 456),
    "operation_details": (1,),
    "operation_cancel": (1,),
}
# The same of extensions, whose faults `test_server_changes.py` asks for.
OF_EXTENSIONS: dict[str, tuple[Any, ...]] = {
    "sharedeck.vm_rename": (456, "web"),
    "sharedeck.vm_reinstall": (9876, 102, "passw0rd"),
    "sharedeck.ip_reverse": (2, "www"),
}
WITH_SESSION = [method for method in METHODS if method != "login"]


@pytest.fixture(scope="module")
def transport(provider: Provider) -> Transport:
    return Transport(provider.url)


@pytest.fixture(scope="module")
def client(transport: Transport) -> Client:
    """The demonstration's reseller, acting as itself."""
    return Client(transport, login(transport, "AA1234-GANDI", "mypassword", safe=False))


def test_fault_table_covers_every_method_with_parameters() -> None:
    assert {method for method, _, _ in FAULTS} >= VALID.keys() - {"su"}


@pytest.mark.parametrize(("method", "arguments", "code"), FAULTS)
def test_fault_carries_its_object_and_cause(client: Client, method: str, arguments: tuple[Any, ...], code: int) -> None:
    with pytest.raises(DataFault) as told:
        client._call(method, *arguments)
    assert told.value.code == code
    assert told.value.object == FaultObject(code // 100 % 1000)
    assert told.value.cause == Cause(code % 100)
    assert told.value.text.startswith("DataError: ")


@pytest.mark.parametrize("method", WITH_SESSION)
def test_an_unknown_session_is_a_session_fault(transport: Transport, method: str) -> None:
    with pytest.raises(SessionFault):
        Client(transport, "nobody-has-this-session")._call(method, *VALID.get(method, ()))


@pytest.mark.parametrize("method", WITH_SESSION)
def test_extra_argument_is_a_fault_of_the_call(client: Client, method: str) -> None:
    with pytest.raises(DataFault) as told:
        client._call(method, *VALID.get(method, ()), "x", "x", "x")
    assert told.value.code == 520010


@pytest.mark.parametrize("method", sorted(CHANGING))
def test_a_safe_session_changes_nothing_before_su(transport: Transport, method: str) -> None:
    safe = Client(transport, login(transport, "AA1234-GANDI", "mypassword"))
    with pytest.raises(DataFault) as told:
        safe._call(method, *{**VALID, **OF_EXTENSIONS}[method])
    assert told.value.code == 510250


@pytest.mark.parametrize("method", [name for name in WITH_SESSION if name not in CHANGING])
def test_a_safe_session_may_read(transport: Transport, method: str) -> None:
    safe = Client(transport, login(transport, "AA1234-GANDI", "mypassword"))
    assert safe._call(method, *VALID.get(method, ())) is not None


def test_wrong_password_and_unknown_login_give_the_same_fault(transport: Transport) -> None:
    with pytest.raises(CredentialsRefused) as wrong:
        login(transport, "AA1234-GANDI", "not-the-passw0rd")
    with pytest.raises(CredentialsRefused) as unknown:
        login(transport, "NOBODY-HERE", "not-the-passw0rd")
    assert wrong.value.text.replace("AA1234-GANDI", "NOBODY-HERE") == unknown.value.text
    assert "not-the-passw0rd" not in str(wrong.value)


def test_unknown_method_is_a_fault(client: Client) -> None:
    with pytest.raises(DataFault) as told:
        client._call("vm_fly")
    assert (told.value.object, told.value.cause) == (FaultObject.METHOD, Cause.NOT_FOUND)


def test_acting_as_a_foreign_handle_is_refused(transport: Transport, member: Member) -> None:
    session = login(transport, member.handle, PASSWORD)
    with pytest.raises(DataFault) as told:
        su(transport, session, "AA1234-GANDI")
    assert (told.value.object, told.value.cause) == (FaultObject.HANDLE, Cause.NO_RIGHT)


def test_a_fault_inside_the_provider_is_a_server_fault(provider: Provider, client: Client) -> None:
    with provider.faults("account_currency:refuse"), pytest.raises(ServerFault) as told:
        client.account_currency()
    assert told.value.code == 150000


def call_often(client: Client) -> None:
    for _ in range(20):
        client.account_currency()


def test_rate_limit_reports_when_to_retry(tmp_path_factory: pytest.TempPathFactory) -> None:
    limited = start_provider(tmp_path_factory.mktemp("limited"), PROVIDER_RATE_LIMIT="5")
    try:
        transport = Transport(limited.url)
        client = Client(transport, login(transport, "AA1234-GANDI", "mypassword", safe=False))
        with pytest.raises(RateLimited) as told:
            call_often(client)
        assert 0.1 <= told.value.retry_after_s <= 3
    finally:
        limited.stop()
