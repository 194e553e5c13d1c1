"""`{% load panel %}`: the panel's own tags and filters."""

from hosting.web.templatetags import buttons, components, logins, rows, ssh_keys  # noqa: F401 - each adds its own
from hosting.web.wording import chips, formats, imports, isolation, people, plans, tokens, words  # noqa: F401 - each adds its own
from hosting.web.wording.registry import register

__all__ = ["register"]
