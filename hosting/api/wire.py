"""XML-RPC on the wire: a call to bytes, and a reply to plain values (contract, "Wire").

A value is None, bool, int, float, str, bytes, an aware UTC `datetime`, a list or a dict of values.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import NoReturn
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from defusedxml.common import DTDForbidden

from hosting.api.errors import ApiError, Garbled, NotEncodable, fault_from
from hosting.api.redaction import scrub

MAX_DEPTH = 24
"""Arrays and structs inside each other in a reply; the contract's own go 6 deep."""
MAX_TAGS = 1_000_000
"""Tags in a reply: some 150,000 values. One list of 10,000 ids has 40,000."""
MAX_FAULT_CHARS = 2000
"""What is kept of a fault's text."""

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_INT = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)
_DOUBLE = re.compile(r"[+-]?(?:[0-9]{1,400}\.?[0-9]{0,400}|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)Z?", re.ASCII)


def encode_call(method: str, params: Sequence[object]) -> bytes:
    """The body of a request.

    Raises:
        NotEncodable: when a parameter cannot be carried; the message names its place and never its value.
    """
    name = _text(method, "the method's name")
    parts = [f"<?xml version='1.0' encoding='utf-8'?>\n<methodCall><methodName>{name}</methodName><params>"]
    for place, param in enumerate(params, 1):
        parts += ("<param>", encode_value(param, f"parameter {place} of {method}"), "</param>")
    parts.append("</params></methodCall>\n")
    return "".join(parts).encode()


def encode_value(value: object, where: str = "value") -> str:
    """`value` as a `<value>` element. `where` names it in the message of a `NotEncodable`."""
    return f"<value>{_encode(value, where)}</value>"


def _encode(value: object, where: str) -> str:
    match value:
        case bool():
            element = f"<boolean>{value:d}</boolean>"
        case int():
            if not -(2**31) <= value < 2**31:
                raise NotEncodable(f"{where} is beyond a 32-bit integer")
            element = f"<int>{int(value)}</int>"
        case str():
            element = f"<string>{_text(value, where)}</string>"
        case float():
            if not math.isfinite(value):
                raise NotEncodable(f"{where} is not a finite number")
            element = f"<double>{Decimal(repr(float(value))):f}</double>"  # XML-RPC knows no exponents
        case datetime():
            if value.tzinfo is None:
                raise NotEncodable(f"{where} is a date without a time zone")
            element = f"<dateTime.iso8601>{format_date(value)}</dateTime.iso8601>"
        case Mapping():
            members = (
                f"<member><name>{_text(name, where)}</name>{encode_value(item, f'{name} in {where}')}</member>"
                for name, item in value.items()
            )
            element = f"<struct>{''.join(members)}</struct>"
        case list() | tuple():
            element = f"<array><data>{''.join(encode_value(item, where) for item in value)}</data></array>"
        case _:
            raise NotEncodable(f"{where} has a type that XML-RPC does not know")
    return element


def _text(text: object, where: str) -> str:
    if not isinstance(text, str):
        raise NotEncodable(f"{where} has a name that is no text")
    if _ILLEGAL.search(text):
        raise NotEncodable(f"{where} holds a control character")
    return text.translate(_ESCAPES)


def format_date(moment: datetime) -> str:
    """An aware time as `YYYYMMDDThh:mm:ss` in UTC; fractions of a second are cut off."""
    utc = moment.astimezone(UTC)
    return f"{utc.year:04d}{utc:%m%dT%H:%M:%S}"


def parse_date(text: str) -> datetime | None:
    """`YYYYMMDDThh:mm:ss` (dashes and a final Z are tolerated) as an aware UTC time, or None."""
    parts = _DATE.fullmatch(text)
    if parts is None:
        return None
    try:
        return datetime(*map(int, parts.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]
    except ValueError:
        return None


class _NoDoctype(TreeBuilder):
    """Refuses a DTD as defusedxml does, so that no entity can exist; the C parser halves the time."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
        raise DTDForbidden(name, system, pubid)


def decode_reply(body: bytes, *, secrets: Sequence[str] = ()) -> object:
    """The value of a method response.

    Raises:
        Fault: the server said no; its text is scrubbed of `secrets`.
        Garbled: the body is no XML-RPC method response, has a DTD, or is nested too deep.
    """
    root = _parse(body)
    if root is None:
        raise Garbled("The reply is not well-formed XML.")
    if root.tag != "methodResponse" or len(root) != 1:
        raise Garbled("The reply is no XML-RPC response.")
    content = root[0]
    if content.tag == "params" and len(content) == 1 and content[0].tag == "param" and len(content[0]) == 1:
        return _value(content[0][0], 0)
    if content.tag == "fault" and len(content) == 1:
        raise _fault(_value(content[0], 0), secrets)
    raise Garbled("The reply is no XML-RPC response.")


def _parse(body: bytes) -> Element | None:
    """The root, or None. A parser's own words are dropped: they can quote the body."""
    if body.count(b"<") > MAX_TAGS:
        return None
    parser = XMLParser(target=_NoDoctype())  # noqa: S314
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, DTDForbidden, ValueError, LookupError):
        return None
    return root


def _fault(value: object, secrets: Sequence[str]) -> ApiError:
    code = value.get("faultCode") if isinstance(value, dict) else None
    text = value.get("faultString") if isinstance(value, dict) else None
    if isinstance(code, str) and _INT.fullmatch(code):
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool) or not isinstance(text, str):
        return Garbled("The reply is a fault without a code and a text.")
    return fault_from(code, scrub(text, secrets)[:MAX_FAULT_CHARS])


def _value(element: Element, depth: int) -> object:
    if element.tag != "value":
        raise Garbled("The reply has something else where a value belongs.")
    if len(element) == 0:
        return element.text or ""
    if len(element) > 1:
        raise Garbled("The reply has a value of several types.")
    typed = element[0]
    scalar = _SCALARS.get(typed.tag)
    if scalar is not None:
        if len(typed):
            raise Garbled(f"The reply has elements inside a {typed.tag}.")
        return scalar(typed.text or "")
    if depth >= MAX_DEPTH:
        raise Garbled("The reply is nested too deep.")
    if typed.tag == "struct":
        return _struct(typed, depth + 1)
    if typed.tag == "array" and len(typed) == 1 and typed[0].tag == "data":
        data = typed[0]
        return [_value(item, depth + 1) for item in data]
    raise Garbled("The reply has a value of an unknown type.")


def _struct(element: Element, depth: int) -> dict[str, object]:
    members: dict[str, object] = {}
    for member in element:
        if member.tag != "member" or len(member) != 2 or member[0].tag != "name" or len(member[0]):
            raise Garbled("The reply has a struct with a malformed member.")
        members[member[0].text or ""] = _value(member[1], depth)
    return members


def _int(text: str) -> int:
    text = text.strip()
    if not _INT.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise Garbled("The reply has an int that is none.")
    return int(text)


def _double(text: str) -> float:
    text = text.strip()
    number = float(text) if _DOUBLE.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise Garbled("The reply has a double that is none.")
    return number


def _boolean(text: str) -> bool:
    text = text.strip()
    if text not in {"0", "1"}:
        raise Garbled("The reply has a boolean that is none.")
    return text == "1"


def _date(text: str) -> datetime | str:
    text = text.strip()
    moment = parse_date(text)
    if moment is None and text:
        raise Garbled("The reply has a date that is none.")
    return moment or ""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        pass
    raise Garbled("The reply has base64 that is none.")


_SCALARS: dict[str, Callable[[str], object]] = {
    "string": str,
    "int": _int,
    "i4": _int,
    "i8": _int,
    "boolean": _boolean,
    "double": _double,
    "dateTime.iso8601": _date,
    "base64": _base64,
    "nil": lambda _text: None,
    "{http://ws.apache.org/xmlrpc/namespaces/extensions}nil": lambda _text: None,
    "{http://ws.apache.org/xmlrpc/namespaces/extensions}i8": _int,
}
