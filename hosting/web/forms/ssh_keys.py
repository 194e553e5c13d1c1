"""The form that adds a public SSH key."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.teams import names
from hosting.teams.ssh_keys import public_keys
from hosting.teams.ssh_keys.models import LONGEST_NAME
from hosting.web.forms.accounts import QUIET
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.names import NameField


class SshKeyForm(ChangeForm):
    """A public key and its name. A private key is neither kept nor shown again."""

    public_key = forms.CharField(
        label=_("Public key"),
        widget=forms.Textarea(attrs={"rows": 5, **QUIET, "class": "mono"}),
        validators=[public_keys.valid],
        help_text=_("The content of a file such as ~/.ssh/id_ed25519.pub, on one line."),
    )
    name = NameField(
        label=_("Name"),
        also=names.OF_ACTOR,
        max_length=LONGEST_NAME,
        required=False,
        widget=forms.TextInput(attrs=QUIET),
        help_text=_("Such as “work laptop”. Leave it empty to use the comment of the key."),
    )

    def clean(self) -> dict[str, Any]:
        if self.has_error("public_key", public_keys.PRIVATE):
            self.data = self.data.copy()  # type: ignore[attr-defined]
            self.data["public_key"] = ""  # type: ignore[index]
        return super().clean() or self.cleaned_data
