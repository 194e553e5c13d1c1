"""Requests are read as the standard library's client writes them, and answers as it reads them."""

import contextlib
import xmlrpc.client
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hosting.provider import wire

XML_TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"))
SCALARS = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.booleans(),
    XML_TEXT,
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(XML_TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=3))
def test_a_call_arrives_as_it_was_sent(args: list[Any]) -> None:
    body = xmlrpc.client.dumps(tuple(args), "vm_list").encode()
    assert wire.decode(body) == ("vm_list", args)


@given(VALUES)
def test_an_answer_arrives_as_it_was_given(value: Any) -> None:
    assert xmlrpc.client.loads(wire.encode(value)) == ((value,), None)


def test_dates() -> None:
    when = datetime(2026, 11, 23, 8, 5, 9, 123456, tzinfo=UTC)
    assert b"<dateTime.iso8601>20261123T08:05:09</dateTime.iso8601>" in wire.encode(wire.date(when))
    assert wire.date(None) == ""
    body = xmlrpc.client.dumps((xmlrpc.client.DateTime("20261123T08:05:09"),), "x").encode()
    assert wire.decode(body)[1] == [when.replace(microsecond=0)]


def test_a_value_without_a_type_is_a_string() -> None:
    params = b"<params><param><value>a b</value></param></params>"
    body = b"<methodCall><methodName>x</methodName>" + params + b"</methodCall>"
    assert wire.decode(body) == ("x", ["a b"])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(wire.MalformedError):
        wire.decode(body)


def test_unencodable_value_is_an_error() -> None:
    with pytest.raises(OverflowError):
        wire.encode(2**31)
    with pytest.raises(TypeError):
        wire.encode(None)
