"""The seed of a guest: who gets in, and what it runs once."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from uuid import UUID

import pytest
import yaml

from hosting.provider.drivers.base import NicSpec, VmSpec
from hosting.provider.drivers.libvirt import seed
from tests.provider.rules.test_public_keys import ED25519, RSA

HASH = "$6$salt$hash"
SCRIPT = '#!/bin/sh\necho \u00e9 > /root/ran\n--\n# - name: "mallory"\n'
VM = VmSpec(
    id=7,
    uuid=UUID(int=7),
    hostname="web1.example.net",
    shares=1,
    cores=1,
    memory_mb=256,
    max_memory_mb=512,
    disks=(),
    nic=NicSpec("52:54:00:00:00:07", "10.0.0.7", "2001:db8::7", 8, 32, "10.0.0.1", "2001:db8::1", ("10.0.0.1",)),
    login="admin",
    ssh_keys=(f'{ED25519} "Zo\u00eb": her laptop', RSA),
    user_data=SCRIPT,
)


def _parts(user_data: str) -> list[EmailMessage]:
    message = email.message_from_string(user_data, EmailMessage, policy=email.policy.default)
    return [part for part in message.iter_parts() if isinstance(part, EmailMessage)]


def _text(part: EmailMessage) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def test_both_users_get_all_keys() -> None:
    config = yaml.safe_load(seed.cloud_config(VM, HASH))
    assert {user["name"]: user["ssh_authorized_keys"] for user in config["users"]} == {
        "root": list(VM.ssh_keys),
        "admin": list(VM.ssh_keys),
    }


def test_without_user_data_the_seed_is_one_cloud_config() -> None:
    files = seed.texts(replace(VM, user_data=""), HASH)
    assert files["user-data"] == seed.cloud_config(VM, HASH)


@pytest.mark.parametrize(
    ("given", "kind"), [(SCRIPT, "text/x-shellscript"), ("#cloud-config\nruncmd: [ls]\n", "text/cloud-config")]
)
def test_what_the_owner_gave_travels_unchanged_before_ours(given: str, kind: str) -> None:
    owners, ours, names = _parts(seed.texts(replace(VM, user_data=given), HASH)["user-data"])
    assert (owners.get_content_type(), _text(owners)) == (kind, given)
    assert _text(ours).strip() == seed.cloud_config(VM, HASH).strip()
    assert yaml.safe_load(_text(names)) == {
        "hostname": "web1",
        "fqdn": "web1.example.net",
        "prefer_fqdn_over_hostname": True,
    }
    assert {part.get_content_type() for part in (ours, names)} == {"text/cloud-config"}


def test_nothing_that_the_owner_gave_reads_like_a_line_of_ours() -> None:
    whole = seed.texts(VM, HASH)["user-data"]
    assert "mallory" not in whole
    assert whole.count("--==part") == 4


def test_seed_of_later_boots_holds_neither_password_nor_script() -> None:
    later = "".join(seed.texts(VM).values())
    assert not any(secret in later for secret in (HASH, "multipart", "base64"))
    assert ED25519 in later
