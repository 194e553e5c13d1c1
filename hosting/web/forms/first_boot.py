"""What a new server gets at its first boot: the fields of the forms that create one or retry it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.operations.kinds import rules
from hosting.operations.kinds.catalogue import CreateVm
from hosting.operations.kinds.first_boot import FirstBoot
from hosting.teams.models import Membership
from hosting.teams.ssh_keys import managing as ssh_keys
from hosting.teams.ssh_keys.models import SshKey
from hosting.web.answers.kept_form import LOST
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.confirm import RetryForm
from hosting.web.wording.formats import byte_size
from hosting.web.wording.isolation import bdi, flash, names

_PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none", "class": "mono"}
_HELP = gettext_lazy(
    "Runs once, as root, when the server starts for the first time. Start with #!/bin/sh or #cloud-config."
    " Up to 16 KB. Not stored after sending."
)


class ScriptField(forms.CharField):
    """A script as it was typed, with the line ends of Linux: browsers send those of Windows."""

    def __init__(self, **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 8, **_PLAIN})
        super().__init__(widget=widget, strip=False, required=False, validators=[rules.user_data], **options)

    def to_python(self, value: Any) -> str:
        text = (super().to_python(value) or "").replace("\r\n", "\n").replace("\r", "\n")
        return text if text.strip() else ""


class FirstBootForm(ChangeForm):
    """SSH keys and a script, where the account's provider takes them.

    Args:
        account, member: without a member nothing is offered.
        before: the SSH keys that were selected before, as names by their fingerprints.
        before_bytes: the size of the script that was entered before, which is never shown again.
        is_kept: whether that script is still stored, so that an empty field leaves it as it is.
    """

    ssh_keys = forms.MultipleChoiceField(
        label=gettext_lazy("SSH keys"), required=False, widget=forms.CheckboxSelectMultiple
    )
    user_data = ScriptField(label=gettext_lazy("First-boot script"), help_text=_HELP)
    no_user_data = forms.BooleanField(label=gettext_lazy("Remove the first-boot script"), required=False)

    # The fields of this form, which its template shows below the others.
    of_first_boot = ("ssh_keys", "user_data", "no_user_data")

    def __init__(
        self,
        *args: Any,
        account: Account,
        member: Membership | None = None,
        before: Mapping[str, str] | None = None,
        before_bytes: int = 0,
        is_kept: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        endpoint = account.endpoint
        self._kept_bytes = before_bytes if is_kept else 0
        takes_keys = member is not None and extensions.has(endpoint, extensions.SSH_KEYS)
        self._keys = {key.fingerprint: key for key in ssh_keys.offered_to(member)} if takes_keys and member else {}
        self.lacks_keys = takes_keys and not self._keys
        self._offer_keys(before or {})
        if member is None or not extensions.has(endpoint, extensions.USER_DATA):
            del self.fields["user_data"]
        elif before_bytes:
            self.fields["user_data"].help_text = _words_before(before_bytes, is_kept=is_kept)
        if not (self._kept_bytes and "user_data" in self.fields):
            del self.fields["no_user_data"]

    def _offer_keys(self, before: Mapping[str, str]) -> None:
        if not self._keys:
            del self.fields["ssh_keys"]
            return
        field = self.fields["ssh_keys"]
        field.choices = [(key.fingerprint, _described(key)) for key in self._keys.values()]  # type: ignore[attr-defined]
        self.initial["ssh_keys"] = [fingerprint for fingerprint in before if fingerprint in self._keys]
        if gone := [name for fingerprint, name in before.items() if fingerprint not in self._keys]:
            field.help_text = flash(_("Selected before, but not available to you: %(names)s."), names=names(gone))

    def clean_ssh_keys(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["ssh_keys"]
        if len(chosen) > ssh_keys.MOST_ON_A_SERVER:
            raise ValidationError(_("Select up to %(most)d SSH keys."), params={"most": ssh_keys.MOST_ON_A_SERVER})
        return chosen

    def clean_user_data(self) -> str:
        text: str = self.cleaned_data["user_data"]
        if not text and f"user_data{LOST}" in self.data:
            raise ValidationError(_("Enter the first-boot script again. It was not kept."))
        return text

    @property
    def shows_script(self) -> bool:
        """Whether the script is open on the page: it was entered, must be entered again, or is not right."""
        was_entered = bool(self.data.get("user_data")) if self.is_bound else False
        return was_entered or "user_data" in self.errors or bool(self.fields["user_data"].initial)

    def chosen_keys(self) -> dict[str, str]:
        """The names of the selected SSH keys by their fingerprints."""
        return {fingerprint: self._keys[fingerprint].name for fingerprint in self.cleaned_data.get("ssh_keys", ())}

    def user_data_bytes(self) -> int:
        """The size of the script that the server will get: the one entered now, or the one that is kept."""
        if text := self.cleaned_data.get("user_data"):
            return len(text.encode())
        return 0 if self.cleaned_data.get("no_user_data") else self._kept_bytes

    def secret(self) -> str:
        """The password, keys and script as entered now, as the operation takes them."""
        data = self.cleaned_data
        lines = tuple(self._keys[fingerprint].line for fingerprint in data.get("ssh_keys", ()))
        return FirstBoot(data.get("password") or "", lines, data.get("user_data") or "").packed()


class RetryServerForm(FirstBootForm, RetryForm):
    """Retries the creation of a server: it asks for the script again too, and the SSH keys can be chosen anew."""

    def kind(self, before: CreateVm) -> CreateVm:
        """The server as it was requested, with what was entered now."""
        return replace(before, ssh_keys=self.chosen_keys(), user_data_bytes=self.user_data_bytes())


def _described(key: SshKey) -> str:
    whose = _("yours") if key.user_id else _("team")
    return format_html(
        '{} <span class="choice-note">{} · <span class="mono">{}</span></span>',
        bdi(key.name),
        whose,
        key.fingerprint,
    )


def _words_before(count: int, *, is_kept: bool) -> str:
    if is_kept:
        return _("A script of %(size)s is kept until the server is created. Leave this empty to keep it.") % {
            "size": byte_size(count)
        }
    return _(
        "The script of %(size)s is not stored any more. Enter it again, or leave this empty to create the server"
        " without one."
    ) % {"size": byte_size(count)}
