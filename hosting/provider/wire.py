"""XML-RPC on the wire: requests parsed strictly and safely, answers and faults written.

Source: the XML-RPC specification, narrowed to the types of the Hosting API: no `<nil/>`, no base64, dates as
`YYYYMMDDThh:mm:ss` in UTC, a missing date as the empty string.
"""

import re
import xmlrpc.client
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from hosting.provider.faults import Fault

DEPTH_MAX = 16
_INT = re.compile(r"[+-]?[0-9]{1,11}")
_DOUBLE = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_METHOD = re.compile(r"[A-Za-z0-9_.:/]{1,100}")


class MalformedError(Exception):
    """The bytes are not an XML-RPC call. The text says why, without repeating any of them."""


def decode(body: bytes) -> tuple[str, list[Any]]:
    """A call's method name and arguments. Dates come as aware UTC datetimes.

    Raises:
        MalformedError: for anything but a well-formed `methodCall`, and for any DTD or entity declaration.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise MalformedError("a document type or an entity is declared") from None
    except (ParseError, ValueError, LookupError):  # ill-formed, or in an encoding that nobody knows
        raise MalformedError("not well-formed XML") from None
    name = (root.findtext("methodName") or "").strip()
    if root.tag != "methodCall" or not _METHOD.fullmatch(name):
        raise MalformedError("not a methodCall with a methodName")
    params = root.find("params")
    if params is None:
        return name, []
    return name, [_only_value(param, "param", 0) for param in params]


def _only_value(element: Element, tag: str, depth: int) -> Any:
    if element.tag != tag or len(element) != 1:
        raise MalformedError(f"a {tag} with one value expected")
    return _value(element[0], depth)


def _value(element: Element, depth: int) -> Any:
    if element.tag != "value" or len(element) > 1 or depth > DEPTH_MAX:
        raise MalformedError("value expected")
    if not len(element):
        return element.text or ""
    typed = element[0]
    if typed.tag == "array":
        data = typed.find("data")
        if data is None:
            raise MalformedError("an array without data")
        return [_value(item, depth + 1) for item in data]
    if typed.tag == "struct":
        return dict(_member(member, depth + 1) for member in typed)
    return _scalar(typed)


def _member(element: Element, depth: int) -> tuple[str, Any]:
    name, value = element.findtext("name"), element.find("value")
    if element.tag != "member" or name is None or value is None:
        raise MalformedError("a struct member without name or value")
    return name, _value(value, depth)


def _scalar(element: Element) -> int | float | bool | str | datetime:
    text = element.text or ""
    stripped = text.strip()
    match element.tag:
        case "string":
            return text
        case "int" | "i4" | "i8" if _INT.fullmatch(stripped) and -(2**31) <= int(stripped) < 2**31:
            return int(stripped)
        case "boolean" if stripped in {"0", "1"}:
            return stripped == "1"
        case "double" if _DOUBLE.fullmatch(stripped):
            return float(stripped)
        case "dateTime.iso8601":
            try:
                return datetime.strptime(stripped, "%Y%m%dT%H:%M:%S").replace(tzinfo=UTC)
            except ValueError:
                raise MalformedError("a dateTime.iso8601 in another form than YYYYMMDDThh:mm:ss") from None
    raise MalformedError("a value of an unknown type, or that its type does not allow")


def date(when: datetime | None) -> datetime | str:
    """A date for an answer: naive UTC without fractions of a second, or the empty string for none."""
    return when.astimezone(UTC).replace(tzinfo=None, microsecond=0) if when else ""


def encode(result: Any) -> bytes:
    """The bytes of an answer. Dates must come from `date`, integers must fit four bytes.

    Raises:
        OverflowError, TypeError: for a value that the wire cannot carry.
    """
    text = xmlrpc.client.dumps((result,), methodresponse=True, allow_none=False)
    return text.encode("utf-8", "xmlcharrefreplace")


def encode_fault(fault: Fault) -> bytes:
    """The bytes of a fault."""
    return xmlrpc.client.dumps(xmlrpc.client.Fault(fault.code, fault.text)).encode("utf-8", "xmlcharrefreplace")
