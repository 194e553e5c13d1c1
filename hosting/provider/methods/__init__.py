"""The API's methods, a module for each of its chapters. Importing this package fills the registry."""

from hosting.provider.methods import account, disk, introspection, misc, once, operation, session, vm

__all__ = ["account", "disk", "introspection", "misc", "once", "operation", "session", "vm"]
