"""E-mail addresses, also international ones."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _


def deliverable(address: str) -> None:
    """An address that mails can be sent to: the domain may be of any script, the part before the @ is ASCII.

    Domains are sent in their ASCII form. The other part has none: only servers with an extension (SMTPUTF8) take it,
    all the way to the mailbox.
    """
    local, at, _domain = address.rpartition("@")
    if at and not local.isascii():
        raise ValidationError(
            _("Mails can't be sent to this address: the part before the @ may have unaccented Latin letters only.")
        )
    validate_email(address)


def take_addresses(field: forms.Field) -> None:
    """Let a field of another package say why it refuses an address."""
    field.validators = [deliverable if each is validate_email else each for each in field.validators]


class AddressField(forms.EmailField):
    """The e-mail address of somebody."""

    default_validators = [deliverable]

    def __init__(self, **options: Any) -> None:
        widget = forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"})
        super().__init__(widget=widget, **options)
