"""Structs survive the wire, keep what they do not know, and refuse what they cannot use."""

import copy
import pickle
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.api import (
    Disk,
    DiskLink,
    Garbled,
    HostingAccount,
    Iface,
    Ip,
    OperationDetails,
    OperationFilter,
    OsImage,
    Product,
    Resources,
    ShareDefinition,
    Vm,
    VmStats,
)
from hosting.api.fields import Struct
from hosting.api.wire import decode_reply, encode_value
from tests.api import replies
from tests.api.conform import conforms
from tests.api.server import reply
from tests.fuzzing import examples

STRUCTS: list[type[Struct]] = [
    ShareDefinition, Product, Resources, HostingAccount, Ip, Iface, Disk, Vm, DiskLink, OperationDetails,
    OsImage, OperationFilter,
]  # fmt: skip

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
        lambda char: char >= " " or char in "\t\n\r"
    ),
    max_size=12,
)
# Ids and amounts: none of them is negative.
ints = st.integers(0, 2**31 - 1)
dates = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    int: ints,
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    str: texts,
    datetime: dates,
    type(None): st.none(),
}


def strategy(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        return st.one_of(*map(strategy, args))
    if origin is tuple:
        return st.lists(strategy(args[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(texts.map(lambda name: f"x-{name}"), ints | texts | st.booleans(), max_size=2)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        given_fields: dict[str, Any] = {each.name: strategy(hints[each.name]) for each in fields(hint)}
        build: Any = hint
        return st.builds(build, **given_fields)
    return PLAIN[hint]


@pytest.mark.parametrize("struct", STRUCTS)
@settings(max_examples=examples(15), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_struct_survives_the_wire(struct: type[Struct], data: st.DataObject) -> None:
    sent = data.draw(strategy(struct))
    if struct is OperationFilter:  # an empty text asks nothing
        asked: Any = {each.name: getattr(sent, each.name) or None for each in fields(sent)}
        sent = OperationFilter(**{**asked, "extra": {}})
    body = f"<methodResponse><params><param>{encode_value(sent.to_wire())}</param></params></methodResponse>"
    received = struct.from_wire(decode_reply(body.encode()))
    assert received == sent
    assert conforms(received, struct)


def test_vm_is_read_with_its_units() -> None:
    vm = Vm.from_wire(decode_reply(reply(replies.VM)))
    assert (vm.memory_mb, vm.vm_max_memory_mb, vm.disks_id) == (1024, 2048, (6, 7))
    assert (vm.disks[1].size_mb, vm.disks[1].date_updated) == (2048, None)
    assert (vm.ifaces[0].bandwidth_kbps, vm.ifaces[0].ips[1].version) == (5120.0, 6)
    assert vm.date_created == replies.NOON
    assert vm.extra == {}


def test_account_is_read_with_its_resources() -> None:
    account = HostingAccount.from_wire(decode_reply(reply(replies.ACCOUNT)))
    assert account.share_definition.cores == 0.25
    assert account.products[0].redemption_days == 7
    assert account.products[0].errors_for_removing == ("in use",)
    assert account.granted == account.expired == Resources.from_wire(replies.AMOUNTS)
    assert account.granted.slots == 2.668


def test_empty_id_is_none() -> None:
    operation = OperationDetails.from_wire(decode_reply(reply(replies.OPERATION)))
    assert (operation.vm_id, operation.disk_id, operation.product_id, operation.eta_s) == (5, None, None, 30)


def test_unknown_keys_are_kept() -> None:
    assert Disk.from_wire({**replies.DISK, "date_created": "", "shape": "round"}).extra == {"shape": "round"}


@pytest.mark.parametrize(
    ("change", "attribute", "expected"),
    [
        ({"size": "2048"}, "size_mb", 2048),
        ({"size": 2048.0}, "size_mb", 2048),
        ({"is_boot_disk": 1}, "is_boot_disk", True),
        ({"date_updated": None}, "date_updated", None),
        ({"label": None}, "label", ""),
        ({"date_created": "2026-03-04T12:00:00Z"}, "date_created", replies.NOON),
        ({"vms_id": ["5"]}, "vms_id", (5,)),
    ],
)
def test_harmless_differences_are_tolerated(change: dict[str, object], attribute: str, expected: object) -> None:
    assert getattr(Disk.from_wire({**replies.DISK, "date_created": "", **change}), attribute) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": "seven"},
        {"id": True},
        {"size": 20.5},
        {"size": float("inf")},
        {"name": 3},
        {"vms_id": 5},
        {"vms_id": [[]]},
        {"is_boot_disk": 2},
        {"date_created": "yesterday"},
        {"date_created": 5},
    ],
)
def test_wrong_types_are_garbled(change: dict[str, object]) -> None:
    with pytest.raises(Garbled):
        Disk.from_wire({**replies.DISK, "date_created": "", **change})


@pytest.mark.parametrize("value", [None, 3, "", [], {}, {"resources": 4}])
@pytest.mark.parametrize("struct", [Vm, HostingAccount])
def test_non_struct_value_is_garbled(struct: type[Struct], value: object) -> None:
    with pytest.raises(Garbled):
        struct.from_wire(value)


def test_structs_are_frozen_hashable_and_portable() -> None:
    vm = Vm.from_wire(decode_reply(reply(replies.VM)))
    assert pickle.loads(pickle.dumps(vm)) == copy.deepcopy(vm) == vm
    assert hash(vm) == hash(copy.deepcopy(vm))
    with pytest.raises(AttributeError):
        vm.shares = 9  # type: ignore[misc]


STATS: dict[str, object] = {
    "at": replies.NOON, "cpu_percent": 12.5, "memory_mb": 200, "disk_read": "3000000000", "disk_written": 0.0,
    "net_in": 1, "net_out": 2,
}  # fmt: skip


def test_figures_of_a_server_are_read_with_their_units() -> None:
    stats = VmStats.from_wire(STATS)
    assert (stats.at, stats.cpu_percent, stats.memory_mb) == (replies.NOON, 12.5, 200.0)
    # More than an int of the wire can say.
    assert (stats.disk_read_bps, stats.disk_written_bps) == (3e9, 0.0)
    assert (stats.net_in_bps, stats.net_out_bps) == (1.0, 2.0)
    assert stats.extra == {}


@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("inf"), 1e15, "", "much", None, True, []])
@pytest.mark.parametrize("name", ["cpu_percent", "memory_mb", "disk_read", "net_out"])
def test_impossible_figures_of_a_server_are_refused(name: str, value: object) -> None:
    with pytest.raises(Garbled, match=name):
        VmStats.from_wire({**STATS, name: value})


@pytest.mark.parametrize("at", ["", None, 0, "yesterday"])
def test_figures_without_a_time_are_refused(at: object) -> None:
    with pytest.raises(Garbled, match="at"):
        VmStats.from_wire({**STATS, "at": at})
