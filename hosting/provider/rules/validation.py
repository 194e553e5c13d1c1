"""Checks of arguments that need no database: syntax, then value. Types are checked before by the registry.

Every function returns the clean value or raises `DataFault`.
"""

from collections.abc import Iterable
from typing import Any

from hosting.provider.faults import Object, bad_syntax, bad_type, bad_value
from hosting.provider.rules import values


def known_keys(struct: dict[str, Any], known: Iterable[str], about: Object, element: str) -> None:
    """Refuse keys that the API does not name (cause 20): a misspelt key must not be lost silently."""
    for key in struct:
        if key not in known:
            raise bad_syntax(about, element, key, "unknown key")


def required_keys(struct: dict[str, Any], required: Iterable[str], about: Object, element: str) -> None:
    for key in required:
        if key not in struct:
            raise bad_syntax(about, element, key, "missing key")


def integer(value: Any, about: Object, element: str) -> int:
    """An int, also one that came as a string of digits: untyped values of PHP and Perl travel so (contract, Wire)."""
    if isinstance(value, str) and values.DIGITS.fullmatch(value):
        value = int(value)
    # In Python a boolean is an int, on the wire it is not.
    if not isinstance(value, int) or isinstance(value, bool) or value > values.INT_MAX:
        raise bad_type(about, element, value, "int")
    return value


def string(value: Any, about: Object, element: str) -> str:
    if not isinstance(value, str):
        raise bad_type(about, element, value, "string")
    return value


def hostname(value: str, element: str = "hostname") -> None:
    """RFC 1123: labels of letters, digits and inner hyphens, 63 characters each, 253 in all."""
    if len(value) > values.HOSTNAME_MAX or not values.HOSTNAME.fullmatch(value):
        raise bad_syntax(Object.VM, element, value)


def password(value: str) -> None:
    """`rules.PASSWORD_*`: the fault never shows it."""
    fits = values.PASSWORD_MIN <= len(value) <= values.PASSWORD_MAX
    fits = fits and bool(values.PASSWORD_SIGNS.fullmatch(value))
    if not fits or not all(need.search(value) for need in values.PASSWORD_NEEDS):
        raise bad_value(Object.PASSWORD, "password", None)


def user_login(value: str) -> None:
    if not values.USER_LOGIN.fullmatch(value):
        raise bad_syntax(Object.VM, "login", value)
    if value == "root":
        raise bad_value(Object.VM, "login", value, "root is there already")


def shares(value: int) -> None:
    if value < 1:
        raise bad_value(Object.VM, "shares", value)


def cpu(value: int) -> None:
    if not 1 <= value <= values.CPU_MAX:
        raise bad_value(Object.VM, "cpu", value)


def cpu_for_shares(cpus: int, share_count: int) -> None:
    """At most one CPU for each share."""
    if cpus > share_count:
        raise bad_value(Object.VM, "cpu", cpus, "at most one CPU for each share")


def vm_max_memory(value: int) -> None:
    low, high = values.VM_MAX_MEMORY_MB
    if not low <= value <= high:
        raise bad_value(Object.VM, "vm_max_memory", value)


def product_name(value: str) -> None:
    if value not in values.PRODUCT_NAMES:
        raise bad_value(Object.PRODUCT, "product_name", value)


def quantity(value: int, highest: int) -> None:
    if not 1 <= value <= highest:
        raise bad_value(Object.PRODUCT, "quantity", value)


def duration_syntax(value: str) -> None:
    if not values.DURATION.fullmatch(value):
        raise bad_syntax(Object.PRODUCT, "duration", value)


def duration_months(value: str) -> int:
    """`'1m'` is 1, `'2y'` is 24; at most five years."""
    months = int(value[:-1]) * (12 if value[-1] == "y" else 1)
    if months > values.DURATION_MAX_MONTHS:
        raise bad_value(Object.PRODUCT, "duration", value, "at most five years")
    return months


def disk_specs(specs: dict[str, Any]) -> dict[str, Any]:
    """`size` in MB, `name` and `fstype`."""
    size = integer(specs.get("size", 0), Object.DISK, "size")
    for key in ("name", "fstype"):
        string(specs.get(key, ""), Object.DISK, key)
    known_keys(specs, ("size", "name", "fstype"), Object.DISK, "specs")
    required_keys(specs, ("size", "name", "fstype"), Object.DISK, "specs")
    if not values.DISK_NAME.fullmatch(specs["name"]):
        raise bad_syntax(Object.DISK, "name", specs["name"])
    low, high = values.DISK_SIZE_MB
    if not low <= size <= high:
        raise bad_value(Object.DISK, "size", size, f"{low} to {high} MB expected")
    if specs["fstype"] not in values.FILESYSTEMS:
        raise bad_value(Object.DISK, "fstype", specs["fstype"])
    return {"size": size, "name": specs["name"], "fstype": specs["fstype"]}
