"""Every field for a name or a note follows the one rule, and says which character it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest
from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import models
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.web import urls
from tests import factories
from tests.web.views.test_forms import beside

# What people write, and the form field that they write it in.
WRITTEN = {
    "User.name": "ProfileForm.name",
    "Team.name": "TeamForm.name",
    "Tag.name": "TagForm.name",
    "SavedView.name": "SaveViewForm.name",
    "ApiToken.name": "TokenForm.name",
    "Account.label": "AccountForm.label",
    "Account.login": "ConnectForm.login",
    "Account.handle": "AccountForm.handle",
    "Candidate.login": "AccountForm.login",
    "Candidate.handle": "AccountForm.handle",
    "Note.text": "NoteForm.text",
    "Operation.decision_comment": "DecisionForm.comment",
    "Vm.hostname": "ServerForm.hostname",
    "Disk.name": "DiskForm.name",
    "SshKey.name": "SshKeyForm.name",
    "SshKey.comment": "SshKeyForm.public_key",
}
# What the panel or the provider writes.
NOT_WRITTEN = {
    "AccountInfo": {"handle", "fullname", "currency"},
    "Account": {"sealed_password", "changes_cursor"},
    "ApiToken": {"digest", "prefix", "last_used_from"},
    "AuditEntry": {"digest", "actor_name", "address", "session", "action", "subject", "thing", "outcome"},
    "AuditHead": {"digest"},
    "Bulk": {"kind", "requested_from"},
    "BulkRow": {"subject"},
    "Candidate": {"sealed_password", "said"},
    "Change": {"object_type", "name"},
    "Disk": {"label", "fstype", "type", "device"},
    "Endpoint": {"name"},
    "OutgoingMail": {"about", "subject", "sealed_content", "last_error"},
    "Operation": {"step", "kind", "sealed_secret", "subject", "target", "currency", "remote_state"},
    "OsImage": {"label", "arch", "family", "kernel_version", "visibility"},
    "Plan": {"sealed_secret", "requested_from"},
    "Product": {"product_name", "duration"},
    "SavedView": {"key", "section", "query"},
    "SshKey": {"kind", "public_key", "fingerprint"},
    "Tag": {"key"},
    "Team": {"quiet_zone"},
    "User": {"password"},
    "Viewing": {"subject", "actor_name", "address", "session"},
    "Vm": {"description", "os_label", "console"},
}
# Form fields of which nothing is stored or shown: passwords, scripts, networks, ids, a search, codes, a field that the
# panel does not offer.
OTHER_FIELDS = {"password", "again", "password1", "password2", "oldpassword", "networks", "ids", "shown", "vm_id"}
OTHER_FIELDS |= {"code", "username", "user_data"}
UNSEEN = ("\u202e", "\u200b", "\u00ad", "\u3164", "\ue000", "\x07")


def texts() -> Iterator[str]:
    """The text columns of the panel whose values are not chosen from a list."""
    for model in apps.get_app_config("hosting").get_models():
        for column in model._meta.concrete_fields:
            plain = type(column) in {models.CharField, models.TextField}
            if plain and not column.choices and column.name not in NOT_WRITTEN.get(model.__name__, ()):
                yield f"{model.__name__}.{column.name}"


def forms_of_the_panel(base: type[Any] = forms.BaseForm) -> Iterator[type[Any]]:
    assert urls.of_account, "importing the addresses imports every form"
    for form in base.__subclasses__():
        if form.__module__.startswith("hosting.web"):
            yield form
        yield from forms_of_the_panel(form)


def fields() -> dict[str, forms.Field]:
    return {
        f"{form.__name__}.{name}": field
        for form in forms_of_the_panel()
        for name, field in form.base_fields.items()
        if isinstance(field, forms.CharField) and not isinstance(field, forms.EmailField | forms.UUIDField)
    }


def refuses(field: forms.Field, text: str) -> bool:
    try:
        field.clean(text)
    except ValidationError:
        return True
    return False


def test_every_text_of_the_database_that_people_write_has_a_field_with_the_rule() -> None:
    assert set(texts()) == set(WRITTEN)
    assert set(WRITTEN.values()) <= set(fields())


def test_every_field_for_a_text_follows_the_rule() -> None:
    checked = {name: field for name, field in fields().items() if name.split(".")[1] not in OTHER_FIELDS}
    assert len(checked) >= len(set(WRITTEN.values()))
    for name, field in checked.items():
        if name in {"TypedNameForm.name", "ReinstallForm.name"}:
            # They repeat the name of an object as the provider knows it.
            continue
        for char in UNSEEN:
            assert refuses(field, f"a{char}b"), f"{name} takes U+{ord(char):04X}"


@pytest.mark.parametrize(
    ("name", "field", "typed"),
    [
        ("tag_new", "name", {"color": "red"}),
        ("disk_new", "name", {"size_mb": "8", "fstype": "ext3"}),
        ("account_settings", "label", {"handle": "AA1"}),
    ],
)
def test_field_says_which_character_it_refuses(
    browser: Client, account: Account, name: str, field: str, typed: dict[str, str]
) -> None:
    response = browser.post(reverse(name, args=[account.pk]), {**typed, field: "web\u200b1"})
    assert response.status_code == 422
    assert "U+200B ZERO WIDTH SPACE" in beside(response.content.decode(), field)


def test_note_says_which_character_it_refuses(browser: Client, account: Account) -> None:
    vm = factories.vm(account)
    url = reverse("server_note", args=[account.pk, vm.remote_id])
    response = browser.post(url, {"text": "first\r\nsec\u202eond", "version": "0"})
    assert "U+202E RIGHT-TO-LEFT OVERRIDE" in beside(response.content.decode(), "text")


@pytest.mark.parametrize("name", ["Sharedeck", "share deck", "\uff33HAREDECK"])
def test_teams_tokens_and_accounts_are_not_called_like_the_panel(
    browser: Client, owner: Membership, account: Account, name: str
) -> None:
    asked = [
        (reverse("team_settings", args=[owner.team_id]), "name", {"bulk_at_once": "3"}),
        (reverse("my_token_new", args=[owner.team_id]), "name", {"reach": "all", "days": "30"}),
        (reverse("account_settings", args=[account.pk]), "label", {"handle": account.handle}),
        (reverse("team_new"), "name", {}),
        (reverse("profile"), "name", {}),
    ]
    for url, field, typed in asked:
        html = browser.post(url, {**typed, field: name}).content.decode()
        assert "name of this panel" in beside(html, field), url
