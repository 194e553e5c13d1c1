"""Fields for numbers, read by `hosting.typed_numbers`: what a page prints can be pasted into them.

They are text inputs: browsers keep anything but plain digits out of a number input.
"""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from hosting import typed_numbers
from hosting.operations.kinds import rules


class NumberInput(forms.TextInput):
    """A text input with the keyboard for numbers."""

    def __init__(self, mode: str = "numeric") -> None:
        super().__init__({"inputmode": mode, "autocomplete": "off"})


class WholeField(forms.IntegerField):
    """A whole number."""

    def __init__(self, *, widget: forms.Widget | None = None, **options: Any) -> None:
        super().__init__(widget=widget or NumberInput(), **options)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or isinstance(value, int):
            return None if value in self.empty_values else value
        return typed_numbers.whole(str(value))


class MoneyField(forms.DecimalField):
    """An amount of money, none of it owed, that fits a column of so many digits."""

    def __init__(self, *, max_digits: int, decimal_places: int, **options: Any) -> None:
        self._places = decimal_places
        self._most = Decimal(10) ** (max_digits - decimal_places) - Decimal(10) ** -decimal_places
        super().__init__(widget=NumberInput("decimal"), localize=True, **options)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if value is None:
            return
        if not 0 <= value <= self._most:
            most = typed_numbers.grouped(self._most)
            raise ValidationError(_("Enter an amount from 0 to %(most)s."), code="range", params={"most": most})
        if -int(value.as_tuple().exponent) > self._places:
            raise ValidationError(
                _("Enter an amount with up to %(most)d decimals."), code="decimals", params={"most": self._places}
            )

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or isinstance(value, Decimal):
            return None if value in self.empty_values else value
        return typed_numbers.amount(str(value))


class SizeField(forms.IntegerField):
    """A size in MB, typed in `unit` or with a unit of its own: 2048, 2 GB."""

    unit = "MB"

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=NumberInput("decimal"), **options)

    def to_python(self, value: Any) -> Any:
        if value in self.empty_values or isinstance(value, int):
            return None if value in self.empty_values else value
        return typed_numbers.size_mb(str(value), unit=self.unit)


class DiskSizeField(SizeField):
    """The size of a disk, typed in GB: 8, 8.5, "8 GB" or "8192 MB"."""

    unit = "GB"

    default_validators = [rules.disk_size_mb]

    def prepare_value(self, value: Any) -> Any:
        """Show an initial value (in MB) in GB where that is exact; keep what a person typed."""
        if not isinstance(value, int):
            return value
        return number_format((Decimal(value) / 1024).normalize()) if value * 100 % 1024 == 0 else _("%s MB") % value
