"""The messages beside the fields of a form: one for each field, in the panel's words.

The panel's rules bring their own words (`hosting.typed_numbers.between`, `hosting.teams.names`). The messages of
Django's checks ("Ensure this value has at most …") are replaced here.
"""

from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.teams.names import QUOTE
from hosting.typed_numbers import grouped
from hosting.web.wording.isolation import flash

# By the codes of Django's errors.
_CHOICE = _("Choose one of the available options.")
_WORDS = {
    "max_length": _("Enter up to %(limit)s characters."),
    "min_length": _("Enter at least %(limit)s characters."),
    "max_value": _("Enter %(limit)s or less."),
    "min_value": _("Enter %(limit)s or more."),
    "invalid_choice": _CHOICE,
    "invalid_list": _CHOICE,
}


class PlainErrors(forms.Form):
    """A form that shows one message beside each field, even where several rules refuse one value."""

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        for name, errors in self.errors.items():
            if name != NON_FIELD_ERRORS:
                errors.data[:] = [_plain(_foremost(errors.as_data()))]


def _foremost(errors: list[ValidationError]) -> ValidationError:
    """The length, where a text is too long, because other rules then only say that it isn't valid; or else the first,
    because forms check whether a value can be read before they check what it is.
    """
    return next((error for error in errors if error.code == "max_length"), errors[0])


def _plain(error: ValidationError) -> ValidationError:
    if error.code == QUOTE:
        return ValidationError(flash(str(error.message), **(error.params or {})))
    words = _WORDS.get(error.code or "")
    if words is None or error.message is words:
        return error
    limit = (error.params or {}).get("limit_value")
    return ValidationError(words, code=error.code, params=None if limit is None else {"limit": grouped(limit)})
