"""`{% load panel %}`: the panel's own tags and filters."""

from hosting.web.templatetags import (  # noqa: F401 - each adds its own
    buttons,
    chips,
    components,
    formats,
    imports,
    logins,
    people,
    plan_words,
    rows,
    tokens,
    words,
)
from hosting.web.templatetags.registry import register

__all__ = ["register"]
