"""Forms that confirm a deletion or a retry."""

from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hosting.operations.kinds import rules
from hosting.web.forms.base import TYPE_TO_DELETE, ChangeForm, typed_name
from hosting.web.wording.isolation import naming


def root_password() -> forms.CharField:
    """The root password of a new system, which no page shows again."""
    return forms.CharField(
        label=_("Root password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        validators=[rules.password],
        strip=False,
        help_text=_("8 to 64 characters with a letter and a digit. Not stored after sending."),
    )


class TypedNameForm(ChangeForm):
    """Confirms a deletion by typing the object's name, so that a wrong click deletes nothing."""

    name = forms.CharField(max_length=255, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: Any, expected: str, words: str | Promise = TYPE_TO_DELETE, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = naming(gettext("Type “%(name)s” to confirm"), name=expected)
        self.fields["name"].validators.append(typed_name(expected, words))


class RetryForm(ChangeForm):
    """Retries an operation. For a new server it asks for the root password again, which is not stored."""

    password = root_password()
