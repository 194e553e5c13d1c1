"""The API's methods, a module for each of its chapters. Importing this package fills the registry."""

from hosting.provider.methods import (
    account,
    changes,
    console,
    disk,
    introspection,
    many,
    misc,
    once,
    operation,
    server_changes,
    session,
    usage,
    vm,
)

__all__ = [
    "account",
    "changes",
    "console",
    "disk",
    "introspection",
    "many",
    "misc",
    "once",
    "operation",
    "server_changes",
    "session",
    "usage",
    "vm",
]
