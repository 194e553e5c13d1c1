"""`{% load panel %}`: the panel's own tags and filters."""

from hosting.web.templatetags import buttons, components, formats, imports, plan_words, rows, words  # noqa: F401 - each adds its own
from hosting.web.templatetags.registry import register

__all__ = ["register"]
