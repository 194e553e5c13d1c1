"""Operations: find them, look at one, cancel one."""

from datetime import datetime, timedelta
from typing import Any

from hosting.provider.engine import ending
from hosting.provider.faults import Object, bad_state, bad_type, bad_value, not_found
from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import Param, method
from hosting.provider.methods.structs import operation_struct
from hosting.provider.models import Operation
from hosting.provider.rules import validation, values

OPERATION_ID = Param("operation_id", "int", Object.OPERATION)
STATES = ("ALL", *Operation.State.values)
DATES = {
    "created_after": "date_created__gte",
    "created_before": "date_created__lt",
    "updated_after": "date_updated__gte",
    "updated_before": "date_updated__lt",
}
# A parameter of the filter, its type, and the column that answers it.
PARAMS: dict[str, tuple[type, str]] = {
    "vm_id": (int, "vm_id"),
    "disk_id": (int, "disk_id"),
    "product_id": (int, "product_id"),
    "hostname": (str, "params__hostname"),
    "name": (str, "params__name"),
}


def _check_list(wanted: dict[str, Any] | None = None) -> None:
    wanted = wanted or {}
    param = wanted.get("param", {})
    for key in ("type", "state"):
        validation.string(wanted.get(key, ""), Object.OPERATION, key)
    for key in DATES:
        if key in wanted and not isinstance(wanted[key], datetime):
            raise bad_type(Object.OPERATION, key, wanted[key], "dateTime.iso8601")
    if not isinstance(param, dict):
        raise bad_type(Object.OPERATION, "param", param, "struct")
    for key, (wanted_type, _) in PARAMS.items():
        if key in param:
            check = validation.integer if wanted_type is int else validation.string
            check(param[key], Object.OPERATION, key)
    validation.known_keys(wanted, ("type", "state", "param", *DATES), Object.OPERATION, "filter")
    validation.known_keys(param, PARAMS, Object.OPERATION, "param")
    if "type" in wanted and wanted["type"] not in values.OPERATION_TYPES:
        raise bad_value(Object.OPERATION, "type", wanted["type"])
    if "state" in wanted and wanted["state"] not in STATES:
        raise bad_value(Object.OPERATION, "state", wanted["state"])


def _end_of_second(when: datetime) -> datetime:
    return when + timedelta(seconds=1) if when.year < 9999 else when


@method("operation_list", Param("filter", "struct", Object.OPERATION, optional=True), check=_check_list)
def operation_list(call: Call, wanted: dict[str, Any] | None = None) -> list[int]:
    """The ids of the handle's operations, newest first, `rules.LIST_MAX` at most.

    Dates are inclusive, and the wire shows whole seconds: "before" reaches to the end of its second.
    """
    wanted = wanted or {}
    rows = call.account.operations.order_by("-pk")
    if "type" in wanted:
        rows = rows.filter(type=wanted["type"])
    if wanted.get("state", "ALL") != "ALL":
        rows = rows.filter(state=wanted["state"])
    for key, lookup in DATES.items():
        if key in wanted:
            rows = rows.filter(**{lookup: _end_of_second(wanted[key]) if key.endswith("_before") else wanted[key]})
    for key, value in wanted.get("param", {}).items():
        rows = rows.filter(**{PARAMS[key][1]: value})
    return list(rows.values_list("pk", flat=True)[: values.LIST_MAX])


def _find(call: Call, operation_id: int) -> Operation:
    operation = Operation.objects.select_related("source").filter(pk=operation_id).first()
    if operation is None:
        raise not_found(Object.OPERATION, "operation_id", operation_id)
    call.owned(operation)
    return operation


@method("operation_details", OPERATION_ID)
def operation_details(call: Call, operation_id: int) -> dict[str, Any]:
    return operation_struct(_find(call, operation_id))


@method("operation_cancel", OPERATION_ID, writes=True)
def operation_cancel(call: Call, operation_id: int) -> bool:
    """True. Only a pending operation can be cancelled; what it was to create is gone with it."""
    operation = _find(call, operation_id)
    call.may_write()
    if not ending.cancel(operation):
        operation.refresh_from_db(fields=["state"])
        raise bad_state(Object.OPERATION, "operation_id", operation_id, f"not possible: it is {operation.state}")
    return True
