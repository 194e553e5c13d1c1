"""Fields for numbers, read by `hosting.typed_numbers`: what a page prints can be pasted into them.

They are text inputs: browsers keep anything but plain digits out of a number input.
"""

from decimal import Decimal
from typing import Any

from django import forms
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
    """An amount of money."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=NumberInput("decimal"), localize=True, **options)

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
