"""`vm_create` with SSH keys and a first-boot script: taken where its help names them, kept while they are needed."""

import json
import xmlrpc.client
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider
from tests.provider.engine.conftest import watched_provider
from tests.provider.rules.test_public_keys import ED25519, RSA

PASSWORD = "secret-pass-1"
PLANTED = "planted-in-a-script-7"
SCRIPT = f"#!/bin/sh\necho {PLANTED}\n"
ROWS = """
import json
from hosting.provider.models import *
print(json.dumps([[bool(o.sealed_user_data), o.vm.ssh_keys, o.params] for o in Operation.objects.filter(vm_id={})]))
"""


def _create(member: Member, **specs: Any) -> int:
    vm_id: int = member.vm_create("web1", PASSWORD, 111, 1, 1, {"login": "admin", **specs})
    return vm_id


def _rows(provider: Provider, vm_id: int) -> list[Any]:
    rows: list[Any] = json.loads(provider.shell(ROWS.format(vm_id)))
    return rows


def _everywhere(directory: Path) -> bytes:
    return b"".join(file.read_bytes() for file in directory.rglob("*") if file.is_file())


def test_help_names_what_is_taken(owner: Member) -> None:
    told = owner.proxy.system.methodHelp("vm_create")
    assert all(f"`{name}`" in str(told) for name in ("login", "ssh_keys", "user_data"))


def test_keys_stay_until_the_vm_is_deleted_and_no_answer_shows_them(provider: Provider, owner: Member) -> None:
    vm_id = _create(owner, ssh_keys=[ED25519, f"{RSA} me@example.org"], user_data=SCRIPT)
    details = owner.done(owner.made("vm_create", vm_id=vm_id))
    assert details["params"].keys() == {"vm_id", "hostname", "os_id", "shares", "cpu", "login"}
    assert not {"ssh_keys", "user_data"} & owner.vm_info(vm_id).keys()
    [[sealed, keys, params]] = _rows(provider, vm_id)
    assert (sealed, keys) == (False, [ED25519, f"{RSA} me@example.org"])
    assert PLANTED not in json.dumps(params)
    owner.done(owner.vm_stop(vm_id))
    owner.done(owner.vm_delete(vm_id))
    assert {json.dumps(keys) for _sealed, keys, _params in _rows(provider, vm_id)} == {"[]"}
    assert PLANTED.encode() not in _everywhere(provider.directory)


def test_refused_calls_change_nothing(owner: Member) -> None:
    for code, specs in (
        (580120, {"ssh_keys": ["-----BEGIN OPENSSH PRIVATE KEY-----"]}),
        (580110, {"ssh_keys": ED25519}),
        (580120, {"user_data": "echo no first line"}),
        (580130, {"user_data": "#!" + "x" * 16384}),
        (580120, {"ssh_key": [ED25519]}),
    ):
        assert owner.code("vm_create", "web1", PASSWORD, 111, 1, 1, {"login": "admin", **specs}) == code
    assert owner.vm_list() == []


def test_same_key_with_another_script_is_another_call(owner: Member) -> None:
    def once(script: str) -> Any:
        params = ["web1", PASSWORD, 111, 1, 1, {"login": "admin", "ssh_keys": [ED25519], "user_data": script}]
        return owner.proxy.sharedeck.once(owner.session, "first-boot-1", "vm_create", params)

    first = once(SCRIPT)
    assert once(SCRIPT) == {**first, "replayed": True}
    with pytest.raises(xmlrpc.client.Fault) as refused:
        once("#!/bin/sh\ntrue\n")
    assert refused.value.faultCode == 520030
    assert len(owner.vm_list()) == 1


def test_script_is_sealed_while_the_host_is_away_and_gone_when_it_fails(tmp_path: Path) -> None:
    with watched_provider(tmp_path) as watched:
        with watched.script(vm_create=["away", 0]):
            vm_id = _create(watched.member, ssh_keys=[ED25519], user_data=SCRIPT)
            operation = watched.member.made("vm_create", vm_id=vm_id)
            watched.until(lambda: (tmp_path / "calls").exists() and watched.events(operation) != [])
            assert [row[0] for row in _rows(watched.provider, vm_id)] == [True]
            assert PLANTED.encode() not in _everywhere(tmp_path)
        with watched.script(vm_create=["refuse", 0]):
            assert watched.member.wait(operation)["state"] == "ERROR"
        assert [row[:2] for row in _rows(watched.provider, vm_id)] == [[False, []]]
        assert PLANTED.encode() not in _everywhere(tmp_path)
