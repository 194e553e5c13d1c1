"""Offer staff only some of a field's choices."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.db import models


def offer(form: type[forms.ModelForm], name: str, choices: Iterable[models.TextChoices]) -> None:
    """Restrict a field of a form to these choices, unless it is shown read-only."""
    field: Any = form.base_fields.get(name)
    if field is not None:
        field.choices = [(choice.value, choice.label) for choice in choices]
