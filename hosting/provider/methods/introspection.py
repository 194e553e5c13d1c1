"""`system.listMethods`, `system.methodSignature` and `system.methodHelp`, as XML-RPC clients know them.

They need no session, and say what the registry says.
"""

import inspect
import typing

from hosting.provider.faults import Object, not_found
from hosting.provider.methods.registry import METHODS, Method, Param, method

_NAME = Param("name", "string", Object.METHOD)
_WIRE = {int: "int", str: "string", bool: "boolean", float: "double", dict: "struct", list: "array"}


@method("system.listMethods", session=False)
def list_methods() -> list[str]:
    """The names of all methods and extensions that this server serves."""
    return sorted(METHODS)


@method("system.methodSignature", _NAME, session=False)
def method_signature(name: str) -> list[list[str]]:
    """The ways to call a method: for each the type of its answer, then those of its parameters."""
    called = _find(name)
    least = sum(not param.optional for param in called.params)
    kinds = [param.kind for param in called.params]
    return [[_answer_of(called), *kinds[:count]] for count in range(least, len(kinds) + 1)]


@method("system.methodHelp", _NAME, session=False)
def method_help(name: str) -> str:
    """What a method does, with its parameters; those in brackets may be left out."""
    called = _find(name)
    names = [f"[{param.name}]" if param.optional else param.name for param in called.params]
    return f"{name}({', '.join(names)})\n\n{inspect.getdoc(called.run) or ''}".strip()


def _find(name: str) -> Method:
    if name not in METHODS:
        raise not_found(Object.METHOD, "method", name)
    return METHODS[name]


def _answer_of(called: Method) -> str:
    answer = typing.get_type_hints(called.run)["return"]
    return _WIRE[typing.get_origin(answer) or answer]
