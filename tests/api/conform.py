"""Whether a value is what a type hint says, all the way down."""

import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_origin, get_type_hints


def conforms(value: object, hint: Any) -> bool:
    """True when `value` has exactly the type of `hint`; a bool is no int."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in {types.UnionType, typing.Union}:
        return any(conforms(value, each) for each in args)
    if origin is list:
        return isinstance(value, list) and all(conforms(each, args[0]) for each in value)
    if origin is tuple:
        return isinstance(value, tuple) and all(conforms(each, args[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)
    if is_dataclass(hint):
        hints = get_type_hints(hint)
        return type(value) is hint and all(
            conforms(getattr(value, each.name), hints[each.name]) for each in fields(hint)
        )
    return type(value) is hint
