"""Impossible values from the provider do not stop mirroring or tracking."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hosting.accounts.models import Account
from hosting.api import Transport
from hosting.api.fields import LONGEST_NAME
from hosting.inventory.models import Disk, Vm
from hosting.operations import rounds
from hosting.operations.kinds.catalogue import DeleteVm, RebootVm, StartVm, StopVm
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine


def alter(monkeypatch: pytest.MonkeyPatch, method: str, change: Callable[[Any], Any]) -> None:
    """Let the replies to `method` be changed on the wire."""
    real = Transport.call

    def call(self: Transport, name: str, params: Any, **options: Any) -> Any:
        reply = real(self, name, params, **options)
        return change(reply) if name == method else reply

    monkeypatch.setattr(Transport, "call", call)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shares": -1},
        {"memory": 2**40},
        {"id": 4711},
        {"cores": "many"},
        {"disks": [{"id": -3}]},
        {"state": "x" * (LONGEST_NAME + 1)},
    ],
)
def test_server_with_impossible_values_does_not_hide_others(
    account: Account, remote: Member, engine: Engine, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    engine.drain()
    strange, sound = remote.new_vm(hostname="strange"), remote.new_vm(hostname="sound")
    alter(monkeypatch, "vm_info", lambda reply: {**reply, **wrong} if reply["id"] == strange else reply)
    account.refresh_from_db()
    rounds.round_of(account)
    assert list(Vm.objects.filter(account=account).values_list("remote_id", flat=True)) == [sound]


UNKNOWN = "migrating-to-another-host-because-of-maintenance"


def test_unknown_states_and_types_are_kept_whole(
    account: Account, remote: Member, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.drain()
    vm_id, disk_id = remote.new_vm(), remote.new_disk()
    other = {"state": UNKNOWN, "fstype": UNKNOWN, "type": UNKNOWN}
    alter(monkeypatch, "vm_info", lambda reply: {**reply, "state": UNKNOWN})
    alter(monkeypatch, "disk_info", lambda reply: {**reply, **other})
    alter(monkeypatch, "operation_details", lambda reply: {**reply, "type": UNKNOWN, "state": UNKNOWN})
    account.refresh_from_db()
    rounds.round_of(account)
    rounds.round_of(account)
    assert Vm.objects.get(account=account, remote_id=vm_id).state == UNKNOWN
    disk = Disk.objects.get(account=account, remote_id=disk_id)
    assert {name: getattr(disk, name) for name in other} == other
    operations = Operation.objects.filter(account=account, vm_id=vm_id)
    assert set(operations.values_list("kind", "remote_state", "state")) == {(UNKNOWN, UNKNOWN, State.TRACKED)}


def test_provider_decides_about_a_server_in_an_unknown_state(
    account: Account, owner: Membership, remote: Member, engine: Engine
) -> None:
    vm_id = remote.new_vm()
    account.refresh_from_db()
    rounds.round_of(account)

    def asked(kind: type[StopVm | StartVm | RebootVm | DeleteVm]) -> str:
        Vm.objects.filter(remote_id=vm_id).update(state=UNKNOWN)
        return engine.finish(submit(kind(vm_id), account=account, by=owner)).state

    # It runs, which only the provider knows.
    assert asked(StartVm) == State.REFUSED
    assert asked(DeleteVm) == State.REFUSED
    assert asked(RebootVm) == State.DONE
    assert asked(StopVm) == State.DONE
    assert asked(DeleteVm) == State.DONE
    assert vm_id not in remote.vm_list()


def test_parameters_of_any_type_are_stored(
    account: Account, remote: Member, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.drain()
    number = remote.hosting_account_product_add("shares", 1, "1m")
    params = {"when": datetime(2026, 1, 1, tzinfo=UTC), "blob": b"\x00", "name": ["a", {"b": b"c"}], "quantity": 1}
    alter(monkeypatch, "operation_details", lambda reply: {**reply, "params": params})
    account.refresh_from_db()
    rounds.round_of(account)
    rounds.round_of(account)
    assert Operation.objects.get(account=account, remote_id=number).params["quantity"] == 1


@pytest.mark.parametrize("wrong", [{"eta": 2**62}, {"eta": -5}, {"date_start": datetime(1, 1, 1, tzinfo=UTC)}])
def test_impossible_times_do_not_stop_a_round(
    account: Account, remote: Member, engine: Engine, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    engine.drain()
    remote.hosting_account_product_add("shares", 1, "1m")
    vm_id = remote.new_vm()
    alter(monkeypatch, "operation_details", lambda reply: {**reply, "state": "RUN", **wrong})
    monkeypatch.setattr(Account, "clock_offset", timedelta(seconds=5))
    account.refresh_from_db()
    rounds.round_of(account)
    assert Vm.objects.filter(account=account, remote_id=vm_id).exists()
