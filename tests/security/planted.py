"""Injection payloads, planted in every text that people or the provider can set."""

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Cast, Concat

# Ends whatever it may stand in, begins a tag, and leaves an attribute.
MARKUP = (
    "{{91*7}}{% now 'Y' %}</title></textarea></script></style>--><planted-tag planted-attribute=1>"
    "\"' planted-attribute=1 onerror=alert(1) onfocus=alert(2) autofocus x=\"'"
)
SHORT = "\"'><planted-tag x='"
ADDRESS = "javascript:alert(document.cookie)//"
# What the panel itself decides on, or what names other rows.
_KEPT = {"kind", "target", "section", "state", "action", "thing", "object_type", "key", "query", "step", "origin"}
_KEPT |= {
    "email",
    "url",
    "password",
    "session",
    "address",
    "remote_state",
    "last_login",
    "policy",
    "hash",
    "previous_hash",
}
_KEPT_IN_JSON = {"reason", "duration", "created", "version", "product_name", "fstype", "disk_fstype", "state"}


def fitting(text: str, length: int | None) -> str:
    """The text, or a shorter one with the same effect."""
    if length is None or len(text) <= length:
        return text
    return (SHORT if text == MARKUP else text)[:length]


def plant(text: str) -> int:
    """Put `text` into every column that holds text from people or the provider; return the number of columns."""
    count = 0
    for model in apps.get_app_config("hosting").get_models():
        if not model._base_manager.exists():
            continue
        for column in model._meta.concrete_fields:
            if _is_text(column):
                model._base_manager.update(**{column.name: _distinct(column, text)})
                count += 1
            elif isinstance(column, models.JSONField):
                for row in model._base_manager.all():
                    model._base_manager.filter(pk=row.pk).update(
                        **{column.name: plant_json(getattr(row, column.name), text)}
                    )
                count += 1
    return count


def _is_text(column: Any) -> bool:
    is_text = isinstance(column, models.CharField | models.TextField) and not isinstance(column, models.JSONField)
    return is_text and not column.choices and column.name not in _KEPT and not column.name.startswith("sealed_")


def _distinct(column: Any, text: str) -> Any:
    """The text, combined with the row's id where the column must be unique."""
    names = {name for constraint in column.model._meta.constraints for name in getattr(constraint, "fields", ())}
    if not column.unique and column.name not in names:
        return fitting(text, column.max_length)
    numbered = fitting(text, column.max_length and column.max_length - 6)
    if text == ADDRESS:
        return Concat(Value(numbered), Cast(F("pk"), models.CharField()))
    return Concat(Cast(F("pk"), models.CharField()), Value(numbered))


def plant_json(value: Any, text: str) -> Any:
    if isinstance(value, dict):
        return {key: each if key in _KEPT_IN_JSON else plant_json(each, text) for key, each in value.items()}
    if isinstance(value, list):
        return [plant_json(each, text) for each in value]
    return text if isinstance(value, str) else value


class _Reader(HTMLParser):
    """Parse a page as a browser does and collect what no page of the panel contains."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        # Data blocks are read by scripts and never run.
        self._in_script = tag == "script" and values.get("type") != "application/json"
        # A picture in the page itself, such as the code that an authenticator app reads, runs nothing.
        is_picture = tag == "img" and values.get("src", "").startswith("data:image/")
        if tag in {"planted-tag", "iframe", "object", "embed", "img", "base", "style"} and not is_picture:
            self.found.append(f"<{tag}>")
        if self._in_script and not values.get("src", "").startswith("/static/"):
            self.found.append("a script of no file")
        self.found += [
            f"{tag} {name}" for name in values if name.startswith("on") or name in {"style", "planted-attribute"}
        ]
        for name in ("href", "src", "action", "formaction", "hx-get", "hx-post", "data", "xlink:href"):
            where = "".join(values.get(name, "").split()).lower()
            if where.startswith(("javascript:", "data:", "vbscript:", "//")) and not is_picture:
                self.found.append(f"{tag} {name}={where[:30]}")

    def handle_data(self, data: str) -> None:
        if self._in_script and data.strip():
            self.found.append(f"script: {data[:40]}")

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False


def dangers(page: str) -> Iterator[str]:
    """Markup in a page that would run a script or link outside the panel."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    yield from reader.found
    if "637" + "{%" in page or "637</title" in page:
        yield "a template that was taken from a text"
