"""The forms that a page shows, as a browser sends them, and the fields of them that somebody types into."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from django import forms
from django.forms.boundfield import BoundField


@dataclass
class ShownForm:
    """Where a form is sent, what a browser sends, and the ids of the fields that somebody types into, by name."""

    method: str
    action: str
    values: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[ShownForm] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name, kind = values.get("name", ""), values.get("type", "text")
        if tag == "form":
            action = values.get("action", "").partition("#")[0]
            self.found.append(ShownForm(values.get("method", "get").lower(), action))
        if not self.found or (tag != "option" and not name):
            return
        form = self.found[-1]
        if tag == "button" or (tag == "input" and (kind not in {"checkbox", "radio"} or "checked" in values)):
            form.values.setdefault(name, values.get("value", ""))
        if tag == "textarea" or (tag == "input" and kind in {"text", "email", "password"}):
            form.typed[name] = values.get("id", "")
        self._select = name if tag == "select" else self._select
        if tag == "option" and ("selected" in values or self._select not in form.values):
            form.values[self._select] = values.get("value", "")


def typed_fields(response: Any) -> Iterator[tuple[ShownForm, BoundField]]:
    """The fields of the panel's forms on a page that somebody types into, each with the form that a browser sends."""
    reader = _Reader()
    reader.feed(response.content.decode())
    known = {bound.id_for_label: bound for form in _forms_in(response.context) for bound in form}
    for shown in reader.found:
        for element in shown.typed.values():
            if (bound := known.get(element)) is not None and of_panel(type(bound.form)):
                yield shown, bound


def of_panel(form: type[object]) -> bool:
    return form.__module__.startswith("hosting.web.forms")


def _forms_in(context: Any) -> Iterator[forms.BaseForm]:
    """The forms that a page was rendered with, also in lists and dictionaries."""
    if isinstance(context, forms.BaseForm):
        yield context
    elif hasattr(context, "dicts"):
        yield from _forms_in(list(context.dicts))
    elif isinstance(context, dict | list | tuple):
        for each in context.values() if isinstance(context, dict) else context:
            yield from _forms_in(each)
