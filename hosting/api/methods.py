"""The names of the API's methods and extensions (contract)."""

CHANGING = frozenset(
    {
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
        "operation_cancel",
        "sharedeck.vm_rename",
        "sharedeck.vm_reinstall",
        "sharedeck.ip_reverse",
    }
)
"""Methods that create an operation or change one: sent on a fresh connection, and never again."""

METHODS = (
    "login",
    "su",
    "account_currency",
    "account_balance",
    "hosting_account_info",
    "hosting_account_product_add",
    "hosting_account_product_renew",
    "hosting_account_product_remove",
    "hosting_account_product_update",
    "vm_create",
    "vm_info",
    "vm_list",
    "vm_update",
    "vm_delete",
    "vm_start",
    "vm_stop",
    "vm_reboot",
    "vm_disk_list",
    "vm_disk_link",
    "disk_create",
    "disk_info",
    "disk_list",
    "disk_delete",
    "disk_attach",
    "disk_detach",
    "operation_list",
    "operation_details",
    "operation_cancel",
    "os_list",
)
"""All methods of the contract."""

ONCE = "sharedeck.once"
"""The extension that carries out a change at most once for a key (contract, "Extensions")."""

VM_INFO_MANY = "sharedeck.vm_info_many"
DISK_INFO_MANY = "sharedeck.disk_info_many"
OPERATION_DETAILS_MANY = "sharedeck.operation_details_many"
CHANGES = "sharedeck.changes"
PRICES = "sharedeck.prices"
VM_STATS = "sharedeck.vm_stats"
CONSOLE = "sharedeck.console"
VM_RENAME = "sharedeck.vm_rename"
VM_REINSTALL = "sharedeck.vm_reinstall"
IP_REVERSE = "sharedeck.ip_reverse"

SSH_KEYS = "vm_create.ssh_keys"
USER_DATA = "vm_create.user_data"
FIRST_BOOT = (SSH_KEYS, USER_DATA)
"""Keys of the specs of `vm_create` beyond version 1. No list names them: the help of the method does."""

EXTENSIONS = (
    ONCE,
    VM_INFO_MANY,
    DISK_INFO_MANY,
    OPERATION_DETAILS_MANY,
    CHANGES,
    PRICES,
    VM_STATS,
    CONSOLE,
    VM_RENAME,
    VM_REINSTALL,
    IP_REVERSE,
)
"""All extensions that the client can use (contract, "Extensions"). A server lists those that it has."""

MANY = 200
"""The most ids that one call of a `…_many` method takes."""
