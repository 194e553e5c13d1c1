"""Fields for what people name and write, by the rule of `hosting.teams.names`."""

from collections.abc import Iterable
from typing import Any

from django import forms

from hosting.teams import names


class NameField(forms.CharField):
    """A name of one line, tidied. `also` are further checks of `hosting.teams.names`."""

    def __init__(
        self, *, also: Iterable[names.Check] = (), validators: Iterable[names.Check] = (), **options: Any
    ) -> None:
        super().__init__(validators=[names.visible, *also, *validators], **options)

    def to_python(self, value: Any) -> str:
        return names.tidy(super().to_python(value) or "")


class PersonNameField(NameField):
    """The name of a person that others see."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "name"})
        super().__init__(max_length=names.LONGEST_OF_PERSON, also=names.IN_MAIL, widget=widget, **options)


class TextField(forms.CharField):
    """A text of several lines, tidied. Browsers send each line end as two characters but count it as one."""

    def __init__(self, *, rows: int, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": rows})
        super().__init__(widget=widget, validators=[names.visible], **options)

    def to_python(self, value: Any) -> str:
        return names.tidy_text(super().to_python(value) or "")
