"""The API's methods, a module for each of its chapters. Importing this package fills the registry."""

from hosting.provider.methods import account, disk, misc, operation, session, vm

__all__ = ["account", "disk", "misc", "operation", "session", "vm"]
