"""Base classes and fields for forms that make changes."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting.operations.kinds import rules
from hosting.operations.models.rejection import Rejected
from hosting.teams import names


class PersonNameField(forms.CharField):
    """The name of a person that others see: one line, not blank."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "name"})
        super().__init__(max_length=150, validators=[names.of_person], widget=widget, **options)

    def to_python(self, value: Any) -> str:
        return names.tidy(super().to_python(value) or "")


class ChangeForm(forms.Form):
    """A form with a nonce, so that sending it several times makes one operation."""

    # Fields of the kind that have another name in this form.
    renamed: dict[str, str] = {}

    nonce = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4, required=False)

    def clean_nonce(self) -> uuid.UUID:
        nonce: uuid.UUID | None = self.cleaned_data["nonce"]
        return nonce or uuid.uuid4()

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        # Replace an invalid nonce: a person could not correct it.
        if "nonce" in self.errors:
            del self.errors["nonce"]
            self.cleaned_data["nonce"] = uuid.uuid4()

    def reject(self, rejection: Rejected) -> None:
        """Show a rejection beside the field that it belongs to, or above the form."""
        name = self.renamed.get(rejection.field or "", rejection.field)
        self.add_error(name if name in self.fields else None, str(rejection.message))


class DiskSizeField(forms.CharField):
    """A disk size: typed as 8, 8.5, "8 GB" or "8192 MB", and returned in MB for the API."""

    default_error_messages = {
        "size": _("Enter a size in GB, such as 8 or 8.5, or in MB, such as 8192 MB."),
        "whole": _("The size must be a whole number of MB. 1 GB is 1,024 MB."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 20)
        super().__init__(**kwargs)
        self.widget.attrs.setdefault("inputmode", "decimal")
        self.widget.attrs.setdefault("autocomplete", "off")

    def to_python(self, value: object) -> Any:
        if isinstance(value, int):
            return value
        text = super().to_python(value)
        if text in self.empty_values:
            return None
        return self._to_mb(str(text))

    def _to_mb(self, text: str) -> int:
        text = text.strip().upper().replace(",", ".")
        factor = 1024
        for unit, mb in (("GB", 1024), ("GO", 1024), ("TB", 1024 * 1024), ("MB", 1), ("MO", 1)):
            if text.endswith(unit):
                text, factor = text[: -len(unit)].strip(), mb
                break
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0 or number > rules.MAX_INT:
            raise ValidationError(self.error_messages["size"], code="size")
        mb_number = number * factor
        if mb_number != mb_number.to_integral_value():
            raise ValidationError(self.error_messages["whole"], code="whole")
        return int(mb_number)

    def run_validators(self, value: Any) -> None:
        if value in self.empty_values:
            return
        try:
            rules.disk_size_mb(value)
        except ValidationError:
            raise ValidationError(_("The disk size must be between 1 GB and 1,024 GB.")) from None

    def prepare_value(self, value: Any) -> Any:
        """Show an initial value (in MB) in GB where that is exact; keep what a person typed."""
        if not isinstance(value, int):
            return value
        return f"{value / 1024:.10g}" if value * 100 % 1024 == 0 else f"{value} MB"


def duration_choices(current: str = "") -> list[tuple[str, str]]:
    """The usual durations, and the current one."""
    months = [(f"{count}m", ngettext("%d month", "%d months", count) % count) for count in (*range(1, 12), 18)]
    years = [(f"{count}y", ngettext("%d year", "%d years", count) % count) for count in range(1, 6)]
    choices = months[:11] + years[:1] + months[11:] + years[1:]
    if current and current not in dict(choices):
        choices.append((current, current))
    return choices


class DurationField(forms.ChoiceField):
    """How long a product is paid for."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", _("Duration"))
        kwargs.setdefault("initial", "1m")
        super().__init__(choices=duration_choices, validators=[rules.duration], **kwargs)


def typed_name(expected: str) -> Any:
    """A validator that requires the object's name, to confirm its deletion."""

    # Pages show several spaces as one, so a name copied from a page has one.
    def check(value: str) -> None:
        if value.split() != expected.split():
            raise ValidationError(_("The name doesn't match. Type “%(name)s” to delete it."), params={"name": expected})

    return check
