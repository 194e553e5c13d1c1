"""What `vm_create` takes for the first boot beside the password: `specs.ssh_keys` and `specs.user_data`.

No fault shows a value of them: a private key may have been sent for a public one, and a script may hold passwords.
"""

from typing import Any

from hosting.provider.faults import Object, bad_syntax, bad_type, bad_value
from hosting.provider.rules import public_keys, validation, values

KEYS = ("ssh_keys", "user_data")


def types(specs: dict[str, Any]) -> None:
    """Check the types of both. Raises a fault with cause 10."""
    keys = specs.get("ssh_keys", [])
    if not isinstance(keys, list):
        raise bad_type(Object.VM, "ssh_keys", keys, "array")
    for key in keys:
        validation.string(key, Object.VM, "ssh_keys")
    validation.string(specs.get("user_data", ""), Object.VM, "user_data")


def check(specs: dict[str, Any]) -> None:
    """Check the values of both. A fault about a key names its place among them, counted from 1."""
    keys: list[str] = specs.get("ssh_keys", [])
    if len(keys) > values.SSH_KEYS_MAX:
        raise bad_value(Object.VM, "ssh_keys", len(keys), f"at most {values.SSH_KEYS_MAX} keys")
    for place, key in enumerate(keys, start=1):
        _ssh_key(key, place)
    if specs.get("user_data"):
        _user_data(specs["user_data"])


def _ssh_key(key: str, place: int) -> None:
    if len(key.encode(errors="replace")) > values.SSH_KEY_MAX_BYTES:
        raise bad_value(Object.VM, "ssh_keys", place, f"a key has at most {values.SSH_KEY_MAX_BYTES} bytes")
    try:
        public_keys.check(key)
    except public_keys.TooShortError as problem:
        raise bad_value(Object.VM, "ssh_keys", place, str(problem)) from None
    except public_keys.BadKeyError as problem:
        raise bad_syntax(Object.VM, "ssh_keys", place, str(problem)) from None


def _user_data(text: str) -> None:
    first = text.partition("\n")[0].rstrip()
    if not (first.startswith("#!") or first == "#cloud-config"):
        raise bad_syntax(Object.VM, "user_data", None, "a first line #!… or #cloud-config expected")
    if "\0" in text:
        raise bad_syntax(Object.VM, "user_data", None, "text without NUL expected")
    if len(text.encode(errors="replace")) > values.USER_DATA_MAX_BYTES:
        raise bad_value(Object.VM, "user_data", None, f"at most {values.USER_DATA_MAX_BYTES} bytes")
