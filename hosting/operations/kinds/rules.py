"""The rules of the Hosting API for parameters, checked before any call. Forms and kinds share them.

Each function returns nothing and raises `ValidationError` with a message for the person who typed the value.
The source of every rule is the API's contract (sections VMs, Disks and Account); where it is silent, the bundled
provider's own table (`hosting.provider.rules.values`). `tests/contract/test_shared_rules.py` asks both sides.
"""

import re
from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.teams import names
from hosting.typed_numbers import between

FSTYPES = ("ext3", "reiserfs", "xfs", "jfs")
MIN_DISK_MB = 1024
MAX_DISK_MB = 1_048_576
MAX_CPU = 4
MIN_MAX_MEMORY_MB = 256
MAX_MAX_MEMORY_MB = 65_536
MAX_SHARES = 4096
MAX_QUOTA_MB = 4 * 1024 * 1024
MAX_NAME = 64
MAX_USER_DATA_BYTES = 16 * 1024
MAX_HOSTNAME_LABEL = 63
PRODUCT_NAMES = ("shares", "shares_fixed", "disk")
# XML-RPC integers are signed 32-bit numbers.
MAX_INT = 2**31 - 1

_HOSTNAME_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]+(?<!-)")
_DURATION = re.compile(r"[1-9][0-9]?[my]")
_LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def hostname(value: str) -> None:
    """RFC 1123: labels of letters, digits and hyphens, joined by dots; 253 characters at most."""
    labels = value.split(".")
    if max(map(len, labels)) > MAX_HOSTNAME_LABEL:
        raise ValidationError(
            _("Each part of a host name can have up to %(most)d characters. Parts are separated by dots."),
            params={"most": MAX_HOSTNAME_LABEL},
        )
    if len(value) > 253 or not all(_HOSTNAME_LABEL.fullmatch(label) for label in labels):
        raise ValidationError(
            _(
                "A host name can contain letters, digits and hyphens, such as web-1 or "
                "db.example.org. Spaces and underscores aren't allowed."
            )
        )


def reverse_name(value: str) -> None:
    """A host name, or empty for the provider's default."""
    if value:
        hostname(value)


def password(value: str) -> None:
    """8 to 64 characters with at least one letter and one digit."""
    if not 8 <= len(value) <= 64:
        raise ValidationError(_("The password must have 8 to 64 characters."))
    if not (any(char.isalpha() for char in value) and any(char.isdecimal() for char in value)):
        raise ValidationError(_("The password must contain at least one letter and one digit."))
    plain(value)


def login(value: str) -> None:
    """The name of the admin user on a new server, as Linux allows it."""
    if not _LOGIN.fullmatch(value):
        raise ValidationError(
            _("Use lowercase letters, digits, - and _. Start with a letter and keep the login short.")
        )
    if value == "root":
        raise ValidationError(_("root already exists. Choose another login."))


def duration(value: str) -> None:
    """Months or years, such as 1m or 1y, at most 5 years."""
    if not _DURATION.fullmatch(value) or months(value) > 60:
        raise ValidationError(_("Enter a duration in months or years, such as 1m or 1y, up to 5 years."))


def months(value: str) -> int:
    """The months in a valid duration: 1m is 1, 1y is 12."""
    return int(value[:-1]) * (12 if value[-1] == "y" else 1)


def name(value: str) -> None:
    """A disk's label: one line, not blank."""
    if len(value.splitlines()) > 1:
        raise ValidationError(_("Enter a name on one line."))
    names.checked(value, most=MAX_NAME)


def user_data(value: str) -> None:
    """A script or a cloud-config for the first boot: at most 16 KiB of text that XML-RPC can carry."""
    if _CONTROL_IN_TEXT.search(value):
        raise ValidationError(_("Control characters aren't allowed here."))
    if len(value.encode()) > MAX_USER_DATA_BYTES:
        raise ValidationError(_("The script can have up to 16 KB."))
    first = value.partition("\n")[0].rstrip()
    if not (first.startswith("#!") or first == "#cloud-config"):
        raise ValidationError(_("Start with a line such as #!/bin/sh, or with #cloud-config."))


def plain(value: str) -> None:
    """Any text that XML-RPC can carry."""
    if _CONTROL.search(value):
        raise ValidationError(_("Control characters aren't allowed here."))


def product_name(value: str) -> None:
    if value not in PRODUCT_NAMES:
        raise ValidationError(_("Choose one of these products: %(names)s."), params={"names": ", ".join(PRODUCT_NAMES)})


def fstype(value: str) -> None:
    if value not in FSTYPES:
        raise ValidationError(_("Choose one of these file systems: %(names)s."), params={"names": ", ".join(FSTYPES)})


def disk_size_mb(value: int) -> None:
    if not MIN_DISK_MB <= value <= MAX_DISK_MB:
        raise ValidationError(_("The disk size must be between 1 GB and 1,024 GB."))


_SHARES = _("Enter %(least)s to %(most)s shares.")
_MB = _("Enter %(least)s to %(most)s MB.")
_NUMBER = _("Enter a number from %(least)s to %(most)s.")

cpu = between(1, MAX_CPU, _("Enter %(least)s to %(most)s CPUs."))
shares = between(1, MAX_INT, _SHARES)
bought_shares = between(0, MAX_SHARES, _SHARES)
identifier = between(1, MAX_INT, _NUMBER)
vm_max_memory_mb = between(MIN_MAX_MEMORY_MB, MAX_MAX_MEMORY_MB, _MB)
# The quantity of any product; `quantity_of` knows which one.
quantity = between(1, MAX_QUOTA_MB, _NUMBER)


def quantity_of(product_name: str) -> Callable[[int], None]:
    """The rule for the quantity of a product: shares, or MB of disk quota."""
    return between(1, MAX_QUOTA_MB, _MB) if product_name == "disk" else between(1, MAX_SHARES, _SHARES)
