"""Base classes and fields for forms that make changes."""

import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hosting.operations.kinds import rules
from hosting.operations.models.rejection import Rejected
from hosting.web.answers import kept_form
from hosting.web.forms.errors import PlainErrors
from hosting.web.wording.isolation import flash, rejection_words


class KeptForm(PlainErrors):
    """A form that is invalid while it is only shown again, with what was typed before (`answers.kept_form`)."""

    def _clean_form(self) -> None:
        super()._clean_form()  # type: ignore[misc]
        if problem := kept_form.problem():
            self.add_error(None, problem)


class ChangeForm(KeptForm):
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
        self.add_error(name if name in self.fields else None, rejection_words(rejection))


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


TYPE_TO_DELETE = _("The name doesn't match. Type “%(name)s” to delete it.")


def typed_name(expected: str, words: str | Promise = TYPE_TO_DELETE) -> Any:
    """A validator that requires the object's name, to confirm that it, or what it holds, is deleted."""

    # Pages show several spaces as one, so a name copied from a page has one.
    def check(value: str) -> None:
        if value.split() != expected.split():
            raise ValidationError(flash(str(words), name=expected))

    return check
