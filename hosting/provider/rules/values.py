"""The provider's house rules: every number and pattern of the API that a provider chooses, in one table.

Where the public documents of the API leave a point open, the reading chosen here is marked `chosen`.
Sizes are in MB (2^20 bytes), bandwidth in kbit/s, money in `CURRENCY`.

Decision: docs/decisions/0024-password-rule-of-the-provider.md
"""

import re
from datetime import timedelta

CURRENCY = "EUR"

# What one share is made of (`share_definition` of `hosting_account_info`).
SHARE_MEMORY_MB = 256
SHARE_CORES = 0.25
SHARE_DISK_MB = 8192
SHARE_BANDWIDTH_KBIT = 5120.0
SHARE_SLOTS = 0.667
SHARE_SERVERS = 1
SHARE_IPS = 1  # chosen: public IPv4 addresses; IPv6 ones are free

# Products.
PRODUCT_NAMES = ("shares", "shares_fixed", "disk")
UNITS = {"shares": "share", "shares_fixed": "share", "disk": "MB"}
FIXED_PRODUCTS = frozenset({"shares_fixed"})  # they can be renewed, and nothing else
DURATION = re.compile(r"[1-9][0-9]?[my]")
DURATION_MAX_MONTHS = 60
QUANTITY_MAX = {"shares": 4096, "shares_fixed": 4096, "disk": 4 * 1024 * 1024}  # chosen
REDEMPTION = timedelta(days=7)  # chosen: how long an expired product can still be renewed
AUTORENEW_BEFORE = timedelta(hours=24)  # chosen: how long before its end a product renews itself
# chosen: after a renewal, or a pause or start by the provider, that failed, it waits so long before it tries again.
RETRY_AFTER = timedelta(minutes=10)
# The `reason` among the parameters of an operation that the provider began by itself.
AUTORENEW, SHARES_ENDED, SHARES_BACK = "autorenew", "shares_ended", "shares_back"

# Sessions.
SAFE_MODE_READS = True  # chosen: a session in safe mode may read; it changes nothing before `su`

# VMs.
_LABEL = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")  # RFC 1123, section 2.1
HOSTNAME_MAX = 253
PASSWORD_MIN = 8  # chosen, as are the next two: 8 to 64 characters, a letter, and a digit or a sign; the
PASSWORD_MAX = 64  # published sample creates a VM with `my_password`
PASSWORD_NEEDS = (re.compile(r"[^\W\d_]"), re.compile(r"[\W\d_]"))
PASSWORD_SIGNS = re.compile(r"[^\x00-\x1f\x7f-\x9f]*")  # chosen: what a person can type, so no control characters
USER_LOGIN = re.compile(r"[a-z_][a-z0-9_-]{0,31}")  # chosen: useradd's own rule
SSH_KEYS_MAX = 20
SSH_KEY_MAX_BYTES = 8 * 1024
RSA_MIN_BITS = 2048
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
USER_DATA_MAX_BYTES = 16 * 1024
CPU_MAX = 4  # chosen; besides, at most one for each share
# chosen: what a new VM can grow to without being halted is twice its memory, and at least this. More would cost it
# memory from the beginning: a guest keeps books of all that it may be given.
VM_MAX_MEMORY_DEFAULT_MB = 512
VM_MAX_MEMORY_MB = (256, 65536)  # chosen
VM_DISKS_MAX = 16  # chosen

# Disks.
DISK_SIZE_MB = (1024, 1048576)
DISK_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,64}")  # chosen
FILESYSTEMS = ("ext3", "reiserfs", "xfs", "jfs")
DISK_LINK_ARGUMENTS = ("disk_id", "vm_id")  # chosen: the order in `disk_attach` and `disk_detach`
DEVICE = "/dev/xvd{letter}"  # chosen

# The endpoint.
BODY_MAX_BYTES = 1 << 20
RATE_WINDOW_S = 2
WRONG_PASSWORDS_MAX = 10  # chosen: for one handle from one address in the time below
WRONG_PASSWORDS_WINDOW_S = 60  # chosen
WRONG_STAFF_PASSWORDS_MAX = 30  # chosen: for all names from one address in the same time
LIST_MAX = 300

# Extensions that are operations like those of version 1 (docs/extensions.md).
RENAME, REINSTALL, REVERSE = "sharedeck.vm_rename", "sharedeck.vm_reinstall", "sharedeck.ip_reverse"

# States that let an operation be accepted, and the state it leads to (None: unchanged).
VM_MOVES: dict[str, tuple[frozenset[str], str | None]] = {
    "vm_create": (frozenset({"being_created"}), "running"),
    "vm_start": (frozenset({"halted", "paused"}), "running"),
    "vm_stop": (frozenset({"running"}), "halted"),
    "vm_reboot": (frozenset({"running"}), "running"),
    "vm_update": (frozenset({"running", "halted", "paused"}), None),
    "vm_delete": (frozenset({"halted", "invalid"}), "deleted"),
    "disk_attach": (frozenset({"running", "halted"}), None),
    "disk_detach": (frozenset({"running", "halted"}), None),
    RENAME: (frozenset({"running", "halted", "paused"}), None),
    REINSTALL: (frozenset({"halted"}), None),
    REVERSE: (frozenset({"running", "halted", "paused"}), None),
}
DISK_MOVES: dict[str, tuple[frozenset[str], str | None]] = {
    "vm_create": (frozenset({"being_created"}), "attached"),
    "disk_create": (frozenset({"being_created"}), "created"),
    "disk_attach": (frozenset({"created"}), "attached"),
    "disk_detach": (frozenset({"attached"}), "created"),
    "disk_delete": (frozenset({"created", "error"}), "deleted"),
    REINSTALL: (frozenset({"attached"}), "attached"),
}
OPERATION_TYPES = (
    "hosting_account_product_add",
    "hosting_account_product_renew",
    "hosting_account_product_remove",
    "hosting_account_product_update",
    "vm_create",
    "vm_update",
    "vm_delete",
    "vm_start",
    "vm_stop",
    "vm_reboot",
    "disk_create",
    "disk_delete",
    "disk_attach",
    "disk_detach",
    RENAME,
    REINSTALL,
    REVERSE,
)

# A string that is taken for an int, and the largest int of the wire (contract, Wire).
DIGITS = re.compile(r"[0-9]{1,10}", re.ASCII)
INT_MAX = 2**31 - 1
