"""What is refused of `ssh_keys` and `user_data`, by which fault, and that no fault shows it."""

from typing import Any

import pytest

from hosting.provider.faults import DataFault
from hosting.provider.rules import first_boot
from tests.provider.rules.test_public_keys import ED25519, RSA, SHORT_RSA

SECRET = "planted-in-a-script"
TYPE, SYNTAX, VALUE = 580110, 580120, 580130


def _check(specs: dict[str, Any]) -> None:
    first_boot.types(specs)
    first_boot.check(specs)


@pytest.mark.parametrize(
    "specs",
    [
        {},
        {"ssh_keys": [], "user_data": ""},
        {"ssh_keys": [ED25519] * 20, "user_data": "#!/bin/sh\ntrue\n"},
        {"ssh_keys": [f"{RSA} {'x' * 7000}"], "user_data": "#cloud-config\npackages: []"},
        {"user_data": "#cloud-config \r\nusers: []"},
        {"user_data": "#!/bin/sh\n" + "\u00e9" * ((16 * 1024 - 10) // 2)},
    ],
)
def test_keys_and_scripts_are_taken(specs: dict[str, Any]) -> None:
    _check(specs)


@pytest.mark.parametrize(
    ("specs", "code", "named"),
    [
        ({"ssh_keys": ED25519}, TYPE, "[ssh_keys: str]"),
        ({"ssh_keys": [ED25519, 7]}, TYPE, "[ssh_keys: int]"),
        ({"user_data": ["#!/bin/sh"]}, TYPE, "[user_data: hidden]"),
        ({"ssh_keys": [ED25519] * 21}, VALUE, "[ssh_keys: 21]"),
        ({"ssh_keys": [ED25519, SECRET]}, SYNTAX, "[ssh_keys: 2]"),
        ({"ssh_keys": [""]}, SYNTAX, "[ssh_keys: 1]"),
        ({"ssh_keys": [SHORT_RSA]}, VALUE, "[ssh_keys: 1]"),
        ({"ssh_keys": [f"{RSA} {'x' * 8192}"]}, VALUE, "[ssh_keys: 1]"),
        ({"user_data": SECRET}, SYNTAX, "[user_data: hidden]"),
        ({"user_data": f"\n#!/bin/sh\n{SECRET}"}, SYNTAX, "[user_data: hidden]"),
        ({"user_data": f"#cloud-config-archive\n{SECRET}"}, SYNTAX, "[user_data: hidden]"),
        ({"user_data": f"#!/bin/sh\n{SECRET}\0"}, SYNTAX, "[user_data: hidden]"),
        ({"user_data": "#!/bin/sh\n" + "\u00e9" * 8192}, VALUE, "[user_data: hidden]"),
    ],
)
def test_faults_name_the_element_and_never_its_value(specs: dict[str, Any], code: int, named: str) -> None:
    with pytest.raises(DataFault) as refused:
        _check(specs)
    assert refused.value.code == code
    assert refused.value.text.endswith(named)
    assert SECRET not in refused.value.text
