"""How a dataclass declares its struct on the wire: a kind, a key, and what a missing key means."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Self

from hosting.api.errors import Garbled
from hosting.api.wire import parse_date

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?", re.ASCII)
_BAD = object()
# More bytes a second than any machine moves.
_AMOUNT_END = 1e15
# The longest name of a state, a type or the like: what is longer is no name of anything.
LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Kind:
    """A pair of conversions. `read` returns `_BAD` for a value of another type."""

    read: Callable[[object], object]
    write: Callable[[Any], object] = lambda value: value


def wire(kind: Kind, name: str | None = None, *, missing: object = MISSING) -> Any:
    """A dataclass field read from the key `name` (its own name by default).

    `missing` stands in for an absent or nil key; without it, such a reply is `Garbled`.
    """
    metadata = {"kind": kind, "name": name}
    if isinstance(missing, dict):
        return field(default_factory=dict, metadata=metadata, hash=False)
    return field(default=missing, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Struct:
    """A struct of the contract. `extra` keeps the keys that the contract does not name."""

    extra: Mapping[str, object] = field(default_factory=dict, hash=False)

    @classmethod
    def from_wire(cls, value: object) -> Self:
        """The struct from plain values.

        Raises:
            Garbled: a needed key is missing, or a value has another type than the contract says.
        """
        if not isinstance(value, Mapping):
            raise Garbled(f"The reply has no struct where {cls.__name__} belongs.")
        rest = dict(value)
        found: dict[str, object] = {}
        for attribute, name, kind, needed in _plan(cls):
            raw = rest.pop(name, None)
            if raw is None:
                if needed:
                    raise Garbled(f"The reply's {cls.__name__} lacks {name}.")
                continue
            read = kind.read(raw)
            if read is _BAD:
                raise Garbled(f"The reply's {cls.__name__} has another type of {name} than agreed.")
            found[attribute] = read
        return cls(extra=rest, **found)

    def to_wire(self) -> dict[str, object]:
        """The struct as plain values, under the wire's names."""
        known = {name: kind.write(getattr(self, attribute)) for attribute, name, kind, _ in _plan(type(self))}
        return {**self.extra, **known}


_Plan = tuple[tuple[str, str, Kind, bool], ...]
_PLANS: dict[object, _Plan] = {}


def _plan(cls: type[Struct]) -> _Plan:
    """Attribute, wire name, kind and whether it is needed, for each field; worked out once a class."""
    if cls not in _PLANS:
        _PLANS[cls] = tuple(
            (
                each.name,
                each.metadata["name"] or each.name,
                each.metadata["kind"],
                each.default is MISSING and each.default_factory is MISSING,
            )
            for each in fields(cls)
            if "kind" in each.metadata
        )
    return _PLANS[cls]


def one(cls: type[Struct]) -> Kind:
    """A struct inside a struct."""
    return Kind(cls.from_wire, _to_wire)


def many(cls: type[Struct]) -> Kind:
    """An array of structs."""
    return Kind(
        lambda value: tuple(map(cls.from_wire, value)) if isinstance(value, list) else _BAD,
        lambda structs: [each.to_wire() for each in structs],
    )


def _to_wire(struct: Struct) -> object:
    return struct.to_wire()


def _int(value: object) -> object:
    """An int of 32 bits (contract, "Wire"), also as digits or as a double without a fraction."""
    if isinstance(value, bool):
        return _BAD
    if (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value, re.ASCII)
    ):
        value = int(value)
    return value if isinstance(value, int) and -(2**31) <= value < 2**31 else _BAD


def _count(value: object) -> object:
    """An id, or how many there are of something: an int that is not negative."""
    number = _int(value)
    return number if isinstance(number, int) and number >= 0 else _BAD


def _id(value: object) -> object:
    return None if value == "" else _count(value)


def _seconds(value: object) -> object:
    return None if value == "" else _int(value)


def _number(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    return _BAD


def _amount(value: object) -> object:
    number = _number(value)
    return number if isinstance(number, float) and 0 <= number < _AMOUNT_END else _BAD


def _text(value: object) -> object:
    return value if isinstance(value, str) else _BAD


def _name(value: object) -> object:
    return value if isinstance(value, str) and len(value) <= LONGEST_NAME else _BAD


def _word(value: object) -> object:
    """A text, also where a server has a number or a flag for it."""
    if isinstance(value, bool):
        return "1" if value else ""
    return str(value) if isinstance(value, str | int) else _BAD


def _flag(value: object) -> object:
    if isinstance(value, int) and value in {0, 1}:
        return bool(value)
    return {"": False, "0": False, "1": True}.get(value, _BAD) if isinstance(value, str) else _BAD


def _date(value: object) -> object:
    if isinstance(value, str):
        return None if value == "" else parse_date(value) or _BAD
    return value if isinstance(value, datetime) else _BAD


def _array(of: Callable[[object], object]) -> Callable[[object], object]:
    def read(value: object) -> object:
        items = tuple(map(of, value)) if isinstance(value, list) else (_BAD,)
        return _BAD if any(item is _BAD for item in items) else items

    return read


def _params(value: object) -> object:
    """A struct; PHP servers write an empty one as an empty array."""
    return dict(value) if isinstance(value, Mapping) else {} if value == [] else _BAD


def _or_empty(value: object) -> object:
    return "" if value is None else value


def _ceil(moment: datetime | None) -> object:
    if moment is None or not moment.microsecond:
        return _or_empty(moment)
    return moment.replace(microsecond=0) + timedelta(seconds=1)


INT = Kind(_int)
COUNT = Kind(_count)
ID = Kind(_id, _or_empty)
"""A count, or None for an empty string."""
SECONDS = Kind(_seconds, _or_empty)
"""An int, or None for an empty string."""
NUMBER = Kind(_number)
AMOUNT = Kind(_amount)
"""A number that is not negative, and below 10^15."""
TEXT = Kind(_text)
NAME = Kind(_name)
"""The name of a state, a type or the like, also one that the contract does not know. It is kept as it is."""
WORD = Kind(_word)
FLAG = Kind(_flag)
DATE = Kind(_date, _or_empty)
"""An aware UTC time, or None for an empty string (contract, "Wire")."""
TIME = Kind(lambda value: _date(value) or _BAD)
"""An aware UTC time."""
DATE_CEIL = Kind(_date, _ceil)
COUNTS = Kind(_array(_count), list)
TEXTS = Kind(_array(_word), list)
PARAMS = Kind(_params)
