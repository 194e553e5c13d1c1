"""The form that confirms a bulk action."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.rules import MAX_INT
from hosting.typed_numbers import identifier
from hosting.web.forms.base import ChangeForm, DurationField
from hosting.web.forms.numbers import WholeField


class BulkForm(ChangeForm):
    """The chosen ids, as they were shown; the number of objects to type before a deletion; a duration for renewals."""

    ids = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, kind: type[Kind], count: int, asks_count: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind is catalogue.RenewProduct:
            self.fields["duration"] = DurationField()
        if asks_count:
            self._count = count
            self.fields["count"] = WholeField(
                label=_("Type %(count)d, the number of objects to delete, to confirm") % {"count": count},
                validators=[self._is_count],
            )

    def clean_ids(self) -> list[int]:
        return numbers(self.cleaned_data["ids"].split(","))

    def params(self) -> dict[str, object]:
        """The parameters that all objects share."""
        return {"duration": self.cleaned_data["duration"]} if "duration" in self.fields else {}

    def _is_count(self, value: int) -> None:
        if value != self._count:
            raise ValidationError(
                _("The number doesn't match. Type %(count)d to delete what is listed."), params={"count": self._count}
            )


def numbers(texts: list[str]) -> list[int]:
    """The ids among these texts. Others are ignored: no page contains them."""
    return [number for text in texts if (number := identifier(text)) is not None and number <= MAX_INT]
