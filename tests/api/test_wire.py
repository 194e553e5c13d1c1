"""XML-RPC is encoded as the standard library reads it, and decoded without trusting it."""

import time
import xmlrpc.client
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.api import DataFault, Fault, Garbled, NotEncodable, ServerFault
from hosting.api.wire import decode_reply, encode_call, encode_value
from tests.api.server import fault, reply
from tests.api.test_structs import dates, ints, texts
from tests.fuzzing import examples

values = st.recursive(
    st.booleans() | ints | st.floats(allow_nan=False, allow_infinity=False) | texts | dates,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def respond(value_xml: str) -> bytes:
    return f"<methodResponse><params><param>{value_xml}</param></params></methodResponse>".encode()


def as_sent(value: object) -> object:
    """What the standard library makes of a value: dates without a zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, list):
        return list(map(as_sent, value))
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in value.items()}
    return value


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(values, max_size=4))
def test_standard_library_reads_our_calls(params: list[object]) -> None:
    received, method = xmlrpc.client.loads(encode_call("vm_create", params).decode(), use_builtin_types=True)
    assert (method, list(received)) == ("vm_create", as_sent(params))


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@given(values)
def test_value_survives_a_round_trip(value: object) -> None:
    assert decode_reply(respond(encode_value(value))) == value


def test_dates_are_sent_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    moment = datetime(2026, 3, 4, 14, 0, 0, 900_000, tzinfo=zone)
    assert "20260304T12:00:00<" in encode_value(moment)


@pytest.mark.parametrize(
    "value",
    [
        2**31,
        -(2**31) - 1,
        "bell \x07",
        "nul \x00",
        "half \ud800",
        "no \uffff",
        float("nan"),
        float("inf"),
        datetime(2026, 3, 4),  # noqa: DTZ001
        object(),
        None,
        b"bytes",
        {3: "name"},
        {"name\x00": 1},
        [{"deep": ["\x1b"]}],
    ],
)
def test_unencodable_value_is_not_sent(value: object) -> None:
    with pytest.raises(NotEncodable) as caught:
        encode_call("vm_create", ["fine", value])
    assert isinstance(caught.value, ValueError)
    assert "vm_create" in caught.value.message


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<value>plain</value>", "plain"),
        ("<value/>", ""),
        ("<value><nil/></value>", None),
        ("<value><i8>5000000000</i8></value>", 5_000_000_000),
        ("<value><i4> 7\n</i4></value>", 7),
        ("<value><string/></value>", ""),
        ("<value><base64>aGk=</base64></value>", b"hi"),
        ("<value><dateTime.iso8601></dateTime.iso8601></value>", ""),
        (
            "<value><dateTime.iso8601>2026-03-04T12:00:00Z</dateTime.iso8601></value>",
            datetime(2026, 3, 4, 12, tzinfo=UTC),
        ),
        ("<value><double>1E3</double></value>", 1000.0),
        ("<value><array><data/></array></value>", []),
        ("<value><struct/></value>", {}),
        ("<value><string><![CDATA[a < b]]></string></value>", "a < b"),
    ],
)
def test_replies_are_read_leniently(xml: str, expected: object) -> None:
    assert decode_reply(respond(xml)) == expected


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<int>1</int>",
        "<value><int>1</int><int>2</int></value>",
        "<value><int>1_000</int></value>",
        "<value><int>\u0661</int></value>",
        "<value><int></int></value>",
        f"<value><int>{'9' * 5000}</int></value>",
        "<value><i8>9223372036854775808</i8></value>",
        "<value><double>nan</double></value>",
        "<value><double>1e999</double></value>",
        "<value><boolean>true</boolean></value>",
        "<value><dateTime.iso8601>20261399T99:99:99</dateTime.iso8601></value>",
        "<value><base64>a</base64></value>",
        "<value><array><data><int>1</int></data></array></value>",
        "<value><array/></value>",
        "<value><struct><member><name>a</name></member></struct></value>",
        "<value><string><b>bold</b></string></value>",
        "<value><widget/></value>",
    ],
)
def test_anything_else_is_garbled(xml: str) -> None:
    with pytest.raises(Garbled):
        decode_reply(respond(xml))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"<html><body>It works!</body></html>",
        b"<methodCall><methodName>x</methodName></methodCall>",
        b"<methodResponse/>",
        b"<methodResponse><params/></methodResponse>",
        b"<methodResponse><fault><value>no</value></fault></methodResponse>",
        reply(1)[:-10],
        reply(1) * 2,
        b"\x00\xff",
        "<methodResponse/>".encode("utf-16"),
        b"<?xml version='1.0' encoding='klingon'?><methodResponse/>",
    ],
)
def test_other_bodies_are_garbled(body: bytes) -> None:
    with pytest.raises(Garbled):
        decode_reply(body)


DTD = "<!DOCTYPE methodResponse [<!ENTITY a 'aaaaaaaaaa'>{}]>".format(
    "".join(f"<!ENTITY {name} '{f'&{before};' * 10}'>" for before, name in zip("abcdefgh", "bcdefghi", strict=True))
)
FILE = "<!DOCTYPE methodResponse [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize(
    "dtd", [DTD, FILE, "<!DOCTYPE methodResponse>", "<!DOCTYPE methodResponse SYSTEM 'http://x/'>"]
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", ["&a;", "&i;", "none"])
def test_a_dtd_is_refused(dtd: str, encoding: str, text: str) -> None:
    body = dtd + respond(f"<value><string>{text}</string></value>").decode()
    began = time.monotonic()
    with pytest.raises(Garbled):
        decode_reply(body.encode(encoding))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("depth", [25, 1000, 100_000])
def test_nesting_is_bounded(depth: int) -> None:
    for opening, closing in (
        ("<value><array><data>", "</data></array></value>"),
        ("<value><struct><member><name>a</name>", "</member></struct></value>"),
        ("<value>", "</value>"),
        ("<x>", "</x>"),
    ):
        with pytest.raises(Garbled):
            decode_reply(respond(opening * depth + "<value>1</value>" + closing * depth))


def test_excessive_tags_are_refused() -> None:
    with pytest.raises(Garbled):
        decode_reply(respond("<value/>" * 2_000_000))


@pytest.mark.parametrize(
    ("code", "type_", "object_", "cause", "element"),
    [
        (500130, DataFault, 1, 30, "password"),
        (510150, DataFault, 101, 50, "password"),
        (510240, DataFault, 102, 40, "password"),
        (510250, DataFault, 102, 50, "password"),
        (580160, DataFault, 801, 60, "password"),
        (599999, DataFault, 999, 99, "password"),
        (110020, ServerFault, None, None, None),
        (150000, ServerFault, None, None, None),
    ],
)
def test_a_fault_is_an_exception(
    code: int, type_: type[Fault], object_: int | None, cause: int | None, element: str | None
) -> None:
    with pytest.raises(type_) as caught:
        decode_reply(fault(code, "DataError: invalid value for password [password: …]"))
    error = caught.value
    assert (error.code, error.text) == (code, "DataError: invalid value for password [password: …]")
    assert error.message == str(error) == f"invalid value for password [password: …] (fault {code})"
    if isinstance(error, DataFault):
        assert (error.object, error.cause, error.element, error.value) == (object_, cause, element, "…")
