"""Every field for a number takes what the panel prints, and refuses odd spellings beside the field."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from hosting import web
from hosting.accounts.models import Account
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.models import Membership
from hosting.teams.policies.models import SpendingLimit
from tests import factories
from tests.web.browsing import every_page
from tests.web.views.test_forms import beside

ODD = ("8_0", "8e1", "+8", "٨", "1,2,3", "8 apples")
# In each of these a decimal is as odd.
WHOLE = {"numeric": ("1.0",), "decimal": ()}


@dataclass
class Form:
    method: str
    action: str
    values: dict[str, str] = field(default_factory=dict)
    # The fields for numbers: name, id, and the keyboard they ask for.
    numbers: list[tuple[str, str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    """The forms of a page, with the values a browser would send."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        name = values.get("name", "")
        if tag == "form":
            self.found.append(Form(values.get("method", "get").lower(), values.get("action", "")))
        if not self.found:
            return
        form = self.found[-1]
        if tag == "input" and name and (values.get("type") not in {"checkbox", "radio"} or "checked" in values):
            form.values[name] = values.get("value", "")
            if values.get("inputmode") in WHOLE and values.get("autocomplete") != "one-time-code":
                form.numbers.append((name, values["id"], values["inputmode"]))
        self._select = name if tag == "select" else self._select
        if tag == "option" and ("selected" in values or self._select not in form.values):
            form.values[self._select] = values.get("value", "")


def forms_of(html: str) -> list[Form]:
    reader = _Forms()
    reader.feed(html)
    return [form for form in reader.found if form.numbers]


def send(browser: Client, form: Form, url: str, **changed: str) -> str:
    call = browser.post if form.method == "post" else browser.get
    return call(form.action.partition("#")[0] or url, {**form.values, **changed}).content.decode()


def ordered() -> list[int]:
    return [model.objects.count() for model in (Operation, Plan, Bulk, SpendingLimit)]


def test_every_field_for_a_number_refuses_odd_spellings(browser: Client, account: Account, owner: Membership) -> None:
    pages = every_page(account, owner)
    disk = factories.disk(account, name="odd")
    quota = factories.product(account, product_name="disk", quantity=2048)
    more = [
        reverse("disks_bulk", args=[account.pk]) + f"?action=delete&ids={disk.remote_id}",
        reverse("shares_update", args=[account.pk, quota.remote_id]),
    ]
    before, fields = ordered(), set()
    for url in [*(page.url for page in pages if not page.posts), *more]:
        response = browser.get(url)
        for form in forms_of(response.content.decode()) if response.status_code == 200 else ():
            for name, element, keyboard in form.numbers:
                fields.add(name)
                for text in ODD + WHOLE[keyboard]:
                    html = send(browser, form, url, **{name: text})
                    error = re.search(rf'<div id="{element}_error".*?</div>', html, re.DOTALL)
                    assert error, (url, name, text)
                    assert re.search("Enter an? (whole number|amount|size) in", error[0]), (url, name, text)
                    assert re.search(rf'name="{name}" value="{re.escape(text)}"', html), (url, name, text)
    assert ordered() == before
    assert fields >= {
        *("shares", "cpu", "buy_shares", "disk_size_mb", "max_memory", "quantity", "size_mb", "disk", "count"),
        *("bulk_at_once", "grace_days", "hours", "billing_shares", "billing_money"),
    }


def test_no_field_for_a_number_reads_it_another_way() -> None:
    """Python's own readings take 8_0 and ٨."""
    own = re.compile(r"forms\.(Integer|Decimal|Float)Field\(|\.is(decimal|digit|numeric)\(")
    rooms = [Path(web.__file__).parent, *(settings.BASE_DIR / "hosting" / room for room in ("reading", "annotations"))]
    found = [file.name for room in rooms for file in room.rglob("*.py") if own.search(file.read_text(encoding="utf-8"))]
    # `words.py` reads durations of the provider.
    assert sorted(found) == ["words.py"]


@pytest.mark.parametrize(
    ("name", "typed", "language", "stored"),
    [
        ("shares", "1,024", "en", 1024),
        ("shares", "1\u00a0024", "fr", 1024),
        ("disk", "1\u00a0024 Mo", "fr", 1024),
        ("disk", "2,048 MB", "en", 2048),
        ("disk", "8 Go", "fr", 8192),
    ],
)
def test_quantity_takes_what_the_panel_prints(
    browser: Client, account: Account, name: str, typed: str, language: str, stored: int
) -> None:
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    asked = {"product_name": name, "quantity": typed, "duration": "1m"}
    assert browser.post(reverse("shares_add", args=[account.pk]), asked).status_code == 303
    assert Operation.objects.get().params["quantity"] == stored


def test_shares_have_no_unit(browser: Client, account: Account) -> None:
    asked = {"product_name": "shares", "quantity": "8 GB", "duration": "1m"}
    response = browser.post(reverse("shares_add", args=[account.pk]), asked)
    assert "whole number" in beside(response.content.decode(), "quantity")


def test_memory_limit_and_spending_limit_take_what_the_panel_prints(
    browser: Client, account: Account, owner: Membership
) -> None:
    browser.cookies[settings.LANGUAGE_COOKIE_NAME] = "fr"
    vm = factories.vm(account, state="halted")
    asked = {"shares": str(vm.shares), "cpu": str(vm.cores), "max_memory": "4 Go"}
    assert browser.post(reverse("server_resize", args=[account.pk, vm.remote_id]), asked).status_code == 303
    assert Operation.objects.get().params["vm_max_memory_mb"] == 4096
    factories.member("billing", of=owner.team)
    url = reverse("team_spending_limits", args=[owner.team_id])
    assert browser.post(url, {"billing_money": "1\u00a0234,50\u00a0EUR"}).status_code in {302, 303}
    html = browser.get(url).content.decode()
    assert 'value="1234,50"' in html
