"""A field that refuses a value says so in one message, in the panel's words, with the limit and its unit.

The fields are found on the pages. A form whose fields no page here shows fails the test too.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django import forms
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField
from django.test import Client
from django.urls import reverse
from django.utils import translation
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.operations.kinds import rules
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from hosting.teams.people import links
from tests import factories
from tests.web.access.signing_in import PASSWORD, person_with_password, with_app
from tests.web.browsing import every_other_page, every_page
from tests.web.forms.test_names import forms_of_the_panel
from tests.web.forms.typed_fields import ShownForm, of_panel, typed_fields
from tests.web.views.test_forms import beside

TOO_LARGE = "999999999999"
NO_NUMBERS = ("-1", TOO_LARGE, "1.00001", "many", "1e3")
# Words of Django's messages, and a placeholder that nothing has filled in.
NOT_PLAIN = re.compile(r"Ensure|available choices|this value|it has|Null characters|%\(|or equal to|valid list")
OF_PERSON = ["connect", "team_new", "profile", "account_email", "account_change_password", "mfa_activate_totp"]
OF_PERSON += ["my_ssh_key_new", "mfa_add_webauthn", "account_reauthenticate"]
OF_STRANGER = ["account_login", "account_signup", "account_reset_password"]

# django-allauth has it, and drops it from the form when it is shown.
NOT_OFFERED = {"SignupForm.username"}

Place = tuple[Client, str]


def refused_by(asked: forms.Field) -> Iterator[str]:
    """What such a field refuses in any form."""
    if isinstance(asked, forms.IntegerField | forms.DecimalField):
        yield from NO_NUMBERS
    elif isinstance(asked, forms.CharField) and asked.max_length is not None:
        yield "a" * (asked.max_length + 1)
        yield "\u202e\x07" * asked.max_length
    if isinstance(asked, forms.EmailField):
        yield f"a@{'b.' * 200}example"
    if asked.required:
        yield ""


@pytest.fixture
def places(account: Account, owner: Membership, settings: Settings) -> list[Place]:
    """The pages with forms, and who opens them."""
    settings.SIGN_UP = "open"
    owner.user.set_password(PASSWORD)
    owner.user.save()
    here = Client()
    here.force_login(owner.user)
    billing = factories.member("billing", of=owner.team)
    pages = [page.url for page in every_page(account, owner) if not page.posts]
    quota = factories.product(account, product_name="disk", quantity=2048)
    free = factories.disk(account, name="unattached")
    factories.operation(account, by=billing, state="held")
    vm = {"hostname": "web-2", "os_id": 3, "shares": 1, "cpu": 1, "login": "admin"}
    failed = factories.operation(account, by=owner, state="failed", kind="vm_create", params=vm)
    # Its login can still be changed.
    unread = factories.account(owner.team, mirrored_at=None)
    pages += [
        reverse("account_settings", args=[unread.pk]),
        reverse("shares_update", args=[account.pk, quota.remote_id]),
        reverse("disks_bulk", args=[account.pk]) + f"?action=delete&ids={free.remote_id}",
        reverse("disk_attach", args=[account.pk, free.remote_id]),
        reverse("disk_delete", args=[account.pk, free.remote_id]),
        reverse("operation_retry", args=[account.pk, failed.pk]),
        *(page.url for page in every_other_page(OF_PERSON)),
    ]
    found = [(here, url) for url in pages] + [(Client(), page.url) for page in every_other_page(OF_STRANGER)]
    found.append((Client(), links.path_to(factories.invitation(owner.team, by=owner))))
    return [*found, *second_factors(), *new_passwords()]


def second_factors() -> Iterator[Place]:
    """The pages of somebody with an authenticator app, inside and at the sign-in, and of somebody with a passkey."""
    person = with_app(person_with_password())
    inside, between, by_passkey = Client(), Client(), Client()
    inside.force_login(person)
    yield inside, reverse("mfa_reauthenticate")
    between.post("/auth/login/", {"login": person.email, "password": PASSWORD})
    yield between, reverse("mfa_authenticate")
    passkey = Authenticator.objects.create(
        user=person_with_password(), type=Authenticator.Type.WEBAUTHN, data={"name": "laptop", "credential": {}}
    )
    by_passkey.force_login(passkey.user)
    yield by_passkey, reverse("mfa_edit_webauthn", args=[passkey.pk])


def new_passwords() -> Iterator[Place]:
    """The pages of somebody without a password, and of somebody with a link to set a new one."""
    without, here = factories.user(), Client()
    without.set_unusable_password()
    without.save()
    here.force_login(without)
    yield here, reverse("account_set_password")
    Client().post("/auth/password/reset/", {"email": person_with_password().email})
    (link,) = re.findall(r"https?://[^/]+(/auth/password/reset/key/\S+)", str(mail.outbox[-1].body))
    yield Client(), link


def name_of(bound: BoundField) -> str:
    return f"{type(bound.form).__name__}.{bound.name}"


def said_by(client: Client, url: str, shown: ShownForm, bound: BoundField, value: str) -> list[str]:
    """The messages beside the field when somebody sends this value."""
    # So many wrong passwords are too many.
    cache.clear()
    send: Any = client.post if shown.method == "post" else client.get
    html = send(shown.action or url, {**shown.values, bound.html_name: value}).content.decode()
    error = re.search(rf'<div id="{bound.id_for_label}_error".*?</div>', html, re.DOTALL)
    return re.findall("<strong>(.*?)</strong>", error[0], re.DOTALL) if error else []


@pytest.mark.timeout(300)
def test_each_refused_value_gets_one_message_in_plain_words(places: list[Place]) -> None:
    seen: set[str] = set()
    wrong: list[str] = []
    for client, url in places:
        page: Any = client.get(url, follow=True)
        if page.status_code != 200 or not page.context:
            continue
        here = page.redirect_chain[-1][0] if page.redirect_chain else url
        for shown, bound in typed_fields(page):
            seen.add(name_of(bound))
            for value in refused_by(bound.field):
                said = said_by(client, here, shown, bound, value)
                limited = value == TOO_LARGE or len(value) > 30
                if len(said) != 1 or NOT_PLAIN.search(said[0]) or (limited and not re.search(r"\d", said[0])):
                    wrong.append(f"{name_of(bound)} on {here} of {value[:20]!r}: {said}")
    assert not wrong, "\n".join(wrong)
    assert not Operation.objects.filter(state="waiting").exists()
    assert fields_of_the_panel() - seen == NOT_OFFERED


def fields_of_the_panel() -> set[str]:
    """The fields of all forms that somebody types a number or text into, but those added when a form is shown."""
    return {
        f"{form.__name__}.{name}"
        for form in forms_of_the_panel()
        if of_panel(form) and not form.__subclasses__()
        for name, asked in form.base_fields.items()
        if isinstance(asked, forms.CharField | forms.IntegerField | forms.DecimalField)
        if not asked.widget.is_hidden and not isinstance(asked, forms.UUIDField)
    }


def test_limit_is_printed_as_the_language_prints_numbers() -> None:
    with translation.override("fr"), pytest.raises(ValidationError) as caught:
        rules.vm_max_memory_mb(99_999)
    assert "65\u202f536" in caught.value.messages[0].replace("\xa0", "\u202f")


def test_text_that_is_too_long_is_told_the_limit_before_what_it_may_contain(browser: Client, account: Account) -> None:
    html = browser.post(reverse("server_alone", args=[account.pk]), {"hostname": "_" * 254}).content.decode()
    assert beside(html, "hostname") == "Enter up to 253 characters."


def test_choice_that_a_form_does_not_offer_is_refused_without_repeating_it(browser: Client, account: Account) -> None:
    asked = {"product_name": "gold", "quantity": "1", "duration": "\u202e1m"}
    html = browser.post(reverse("shares_add", args=[account.pk]), asked).content.decode()
    for field in ("product_name", "duration"):
        assert beside(html, field) == "Choose one of the available options."
