"""Models that staff only look at."""

from typing import Any

from django.http import HttpRequest


class ReadOnlyMixin:
    """Makes a model read-only."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
