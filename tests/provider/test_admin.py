"""What the provider's staff see and change of hosts and networks."""

import pytest

from tests.contract.test_staff import staff
from tests.processes import Provider

HOST = {"uri": "", "pool": "", "bridge": "", "cpu_overcommit": "2.0", "cores": "8", "memory_mb": "4096", "pool_mb": "9"}
MADE = "from hosting.provider.models import *; print(*Host.objects.filter(name={!r}).values_list('state', 'cores'))"


def test_host_is_added_with_what_is_free_on_it_and_put_into_maintenance(provider: Provider) -> None:
    browser = staff(provider)
    # Nothing may be placed on it by other tests.
    page = browser.post("/admin/provider/host/add/", name="rack-7", state="maintenance", **HOST)
    assert "was added successfully" in page
    assert "64 of 64" in page
    assert "4096 of 4096" in page
    assert provider.shell(MADE.format("rack-7")) == "('maintenance', 8)"


def test_host_that_has_vms_cannot_be_deleted(provider: Provider) -> None:
    assert "Delete" not in staff(provider).get("/admin/provider/host/1/change/")


def test_staff_cannot_say_that_a_host_is_away(provider: Provider) -> None:
    page = staff(provider).post("/admin/provider/host/add/", name="rack-8", state="away", **HOST)
    assert "Select a valid choice" in page
    assert provider.shell(MADE.format("rack-8")) == ""


@pytest.mark.parametrize(
    ("family", "cidr", "gateway", "problem"),
    [
        ("4", "198.51.100.0/33", "198.51.100.1", "does not appear to be an IPv4 or IPv6 network"),
        ("4", "198.51.100.7/24", "198.51.100.1", "has host bits set"),
        ("6", "198.51.100.0/24", "198.51.100.1", "This is a network of IPv4."),
        ("4", "198.51.100.0/24", "192.0.2.1", "The gateway must be in the network."),
        ("4", "10.9.0.0/16", "10.9.0.1", "It overlaps with 10.0.0.0/8."),
        ("4", "198.51.100.0/24", "198.51.100.1", ""),
    ],
)
def test_network_of_a_pool_must_make_sense(
    provider: Provider, family: str, cidr: str, gateway: str, problem: str
) -> None:
    page = staff(provider).post(
        "/admin/provider/addresspool/add/", family=family, cidr=cidr, gateway=gateway, bridge="br-of-a-test"
    )
    assert (problem or "was added successfully") in page


def test_pool_whose_addresses_were_given_stays_as_it_is(provider: Provider) -> None:
    page = staff(provider).get("/admin/provider/addresspool/1/change/")
    assert 'name="cidr"' not in page
    assert "10.0.0.0/8" in page


def test_alert_is_shown_and_settled(provider: Provider) -> None:
    provider.shell(
        "from hosting.provider.engine import alerts\n"
        "alerts.tell(alerts.Kind.OPERATION, 4711, 'operation 4711 was given up')\n"
        "alerts.tell(alerts.Kind.OPERATION, 4711, 'operation 4711 was given up again')"
    )
    found = "from hosting.provider.models import *; alert = Alert.objects.get(about='4711'); print(alert.pk, {})"
    pk, text = provider.shell(found.format("alert.text")).split(" ", 1)
    assert text == "operation 4711 was given up"
    browser = staff(provider)
    assert text in browser.get("/admin/provider/alert/?date_ended__isempty=1")
    browser.post("/admin/provider/alert/", action="end", _selected_action=pk)
    assert provider.shell(found.format("alert.date_ended is not None")) == f"{pk} True"
