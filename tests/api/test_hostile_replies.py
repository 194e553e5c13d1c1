"""Whatever comes back is either a value of the promised type or an `ApiError`."""

import random
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hosting.api import ApiError, Client, Fault, Transport, login, su
from hosting.api.wire import decode_reply, encode_call
from tests.api import replies
from tests.api.conform import conforms
from tests.api.server import fault, http, reply, send, serving
from tests.fuzzing import examples

Call = Callable[[Transport], object]


def calling(call: Callable[[Client], object]) -> Call:
    return lambda transport: call(Client(transport, replies.SESSION))


CALLS: list[tuple[Call, bytes, Any]] = [
    *((calling(call), reply(value), returns) for _, call, _, value, returns in replies.METHODS),
    (lambda transport: login(transport, "AA1234-GANDI", replies.PASSWORD), reply("session"), str),
    (lambda transport: su(transport, replies.SESSION, "BB1-GANDI"), reply("session"), str),
]
FAULT = fault(580160, "DataError: the VM is running [vm_id: 5]")

NUMBERS = [
    b"",
    b"-",
    b"1e5",
    b"99999999999",
    b"9" * 5000,
    b"-2147483649",
    b"0x10",
    b"NaN",
    b"1.5",
    b"\xd9\xa1",
    b" 7 ",
]
TYPES = [
    b"int",
    b"i4",
    b"i8",
    b"boolean",
    b"string",
    b"double",
    b"dateTime.iso8601",
    b"base64",
    b"nil",
    b"array",
    b"x",
]
BOMBS = [
    b"<value><array><data>" * 3000 + b"</data></array></value>" * 3000,
    b"<value>" * 3000,
    b"<value><struct><member><name>a</name>" * 500 + b"<value>1</value>" + b"</member></struct></value>" * 500,
]
DTDS = [
    b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>",
    b"<!DOCTYPE x SYSTEM 'file:///etc/passwd'>",
    b"<!DOCTYPE methodResponse>",
    b"<!ENTITY a 'b'>",
]
_TAG = re.compile(rb"</?([\w.]+)/?>")
_LEAF = re.compile(rb">([^<>\n]+)<")


def flip(body: bytes, dice: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def cut(body: bytes, dice: random.Random) -> bytes:
    return body[: dice.randrange(len(body))]


def delete(body: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(body))
    return body[:start] + body[start + dice.randint(1, 60) :]


def swap(body: bytes, dice: random.Random) -> bytes:
    """Exchange two lines: whole values, members or closing tags change places."""
    lines = body.split(b"\n")
    one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return b"\n".join(lines)


def repeat(body: bytes, dice: random.Random) -> bytes:
    lines = body.split(b"\n")
    place = dice.randrange(len(lines))
    lines[place:place] = [lines[dice.randrange(len(lines))]] * dice.randint(1, 3)
    return b"\n".join(lines)


def rename_tag(body: bytes, dice: random.Random) -> bytes:
    names = sorted({match[1] for match in _TAG.finditer(body)})
    old, new = dice.choice(names or TYPES), dice.choice(names + TYPES)
    return re.sub(rb"(</?)%b(/?>)" % re.escape(old), rb"\g<1>%b\g<2>" % new, body, count=dice.choice([0, 2]))


def retype(body: bytes, dice: random.Random) -> bytes:
    """Give one value another type, and leave its text."""
    values = list(re.finditer(rb"<value><([\w.0-9]+)>([^<]*)</\1></value>", body))
    if not values:
        return body
    value, name = dice.choice(values), dice.choice(TYPES)
    return body[: value.start()] + b"<value><%b>%b</%b></value>" % (name, value[2], name) + body[value.end() :]


def renumber(body: bytes, dice: random.Random) -> bytes:
    leaves = list(_LEAF.finditer(body))
    if not leaves:
        return body
    leaf = dice.choice(leaves)
    return body[: leaf.start(1)] + dice.choice(NUMBERS) + body[leaf.end(1) :]


def nest(body: bytes, dice: random.Random) -> bytes:
    return re.sub(rb"<value>.*</value>", lambda _match: dice.choice(BOMBS), body, count=1, flags=re.DOTALL)


def declare(body: bytes, dice: random.Random) -> bytes:
    head, sep, rest = body.partition(b"?>")
    rest = rest.replace(b"<value><int>", b"<value><int>&b;") if dice.random() < 0.5 else rest
    return head + sep + dice.choice(DTDS) + rest


MUTATIONS = [flip, cut, delete, swap, repeat, rename_tag, retype, renumber, nest, declare]


def mutate(body: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.choice([1, 1, 1, 2, 3])):
        body = dice.choice(MUTATIONS)(body, dice) or b"<"
    return body


class Canned(Transport):
    """The real encoder and decoder, without the network: the reply is a given body."""

    body = b""

    def call(self, method: str, params: Any, *, secrets: tuple[str, ...] = (), fresh: bool = False) -> object:
        encode_call(method, params)
        return decode_reply(self.body, secrets=secrets)


@settings(max_examples=examples(100), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**64))
def test_mutated_replies_raise_only_known_errors(seed: int) -> None:
    dice = random.Random(seed)
    transport = Canned("http://localhost/")
    for _ in range(20):
        call, body, returns = dice.choice(CALLS)
        transport.body = mutate(FAULT if dice.random() < 0.1 else body, dice)
        try:
            value = call(transport)
        except ApiError:
            continue
        assert conforms(value, returns), transport.body


@pytest.mark.parametrize(("call", "body", "returns"), CALLS)
def test_intact_replies_are_values_and_faults_are_faults(call: Call, body: bytes, returns: object) -> None:
    transport = Canned("http://localhost/")
    transport.body = body
    assert conforms(call(transport), returns)
    transport.body = FAULT
    with pytest.raises(Fault):
        call(transport)


@pytest.mark.parametrize(("call", "body", "returns"), CALLS)
def test_every_truncated_reply_is_an_error(call: Call, body: bytes, returns: object) -> None:
    transport = Canned("http://localhost/")
    for end in range(len(body.rstrip())):
        transport.body = body[:end]
        with pytest.raises(ApiError):
            call(transport)


def test_mutated_http_replies_over_sockets_raise_only_known_errors() -> None:
    dice = random.Random(20260304)
    with serving() as server:
        transport = Transport(server.url, read_timeout_s=2)
        for number in range(examples(200)):
            call, body, returns = dice.choice(CALLS)
            whole = http(body, "200 OK", "Content-Type: text/xml", "Date: Wed, 04 Mar 2026 12:00:00 GMT")
            head = dice.choice([flip, cut, delete])(whole[:130], dice)
            server.script = send(head + whole[130:])
            try:
                value = call(transport)
            except ApiError:
                value = None
            assert value is None or conforms(value, returns)
            assert len(server.requests) == number + 1
            transport.close()
