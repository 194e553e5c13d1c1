"""Injection: no text from people or the provider becomes markup, script, URL, attribute, template or formula."""

import csv
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hosting.accounts.models import Account, Candidate
from hosting.annotations.models import Note
from hosting.inventory.models import Vm
from hosting.operations.models.bulk import Bulk
from hosting.teams.models import Membership
from tests import factories
from tests.security.planted import ADDRESS, MARKUP, dangers, fitting, plant
from tests.web.access.access_matrix import ACCESS, Who
from tests.web.browsing import Page

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =")
# Between cells, by the language of the spreadsheet. A quotation mark ends a cell that is quoted.
SEPARATORS = (",", ";", "\t", "\n", "\r\n", "; ", ';"', '";')
NUMBER = re.compile(r"-?\d+(\.\d+)?")


@pytest.fixture
def furnished(pages: list[Page], account: Account, owner: Membership) -> list[Page]:
    """The pages of an account that has one object of every kind."""
    vm = Vm.objects.filter(account=account).earliest("pk")
    now = timezone.now()
    factories.product(account, ends_in_days=3, errors={"renewing": ["why not"]})
    factories.product(account, product_name="something", ends_in_days=-1)
    factories.change(account, before={"state": "a", "name": "b"}, after={"state": "c", "name": "d"})
    factories.running_operation(account, by=owner, target=f"vm:{vm.remote_id}")
    problem = {"reason": "fault", "code": 510000, "object": 1, "cause": 99, "element": "an element", "text": "a text"}
    factories.operation(account, by=owner, state="refused", problem=problem)
    factories.operation(account, by=owner, state="failed", problem={"reason": "ended_in_error", "text": "a text"})
    found = [{"id": 4711, "type": "vm_stop", "created": now.isoformat(), "state": "RUN"}]
    doubt = {"reason": "several", "candidates": found}
    factories.operation(account, by=owner, state="uncertain", needs_person=True, problem=doubt)
    factories.operation(account, kind=MARKUP[:40], params={MARKUP: MARKUP}, origin="outside", state="tracked")
    factories.bulk(account, by=owner, state=Bulk.State.PAUSED, problem=Bulk.Problem.AWAY)
    factories.plan(account, by=owner, state="stopped", problem={"reason": "not_enough", "text": "a text"})
    factories.tag(account.team, on=[vm])
    Note.objects.create(account=account, object_type="vm", remote_id=vm.remote_id, text="a note", changed_at=now)
    said = {"state": Candidate.State.REFUSED, "refusal": "credentials", "said": "no"}
    Candidate.objects.create(account=account, login="L", handle="H", asked_at=now, due_at=now, ended_at=now, **said)
    return pages


def shown(browser: Client, pages: list[Page], owner: Membership) -> Iterator[tuple[str, str]]:
    """Every page with a GET, by name, both whole and as the htmx part."""
    for page in pages:
        if ACCESS[page.name].get in {Who.NO_METHOD, Who.NOBODY} or page.name == "account_logout":
            continue
        response = browser.get(page.url)
        assert response.status_code < 500, page.url
        if response.status_code == 200:
            yield page.name, response.content.decode()
            yield f"part of {page.name}", browser.get(page.url, headers={"HX-Request": "true"}).content.decode()


@pytest.mark.parametrize("text", [MARKUP, ADDRESS])
def test_no_planted_text_runs_on_any_page(browser: Client, furnished: list[Page], owner: Membership, text: str) -> None:
    assert plant(text) > 30
    furnished.append(Page("search", reverse("search") + "?q=a"))
    seen = 0
    for name, page in shown(browser, furnished, owner):
        assert not list(dangers(page)), name
        seen += fitting(text, 40) in page or "planted-tag" in page
    # Each page of the panel names at least the account or the person.
    assert seen > 80


def test_no_planted_text_runs_in_the_message_after_a_change(
    browser: Client, furnished: list[Page], account: Account, owner: Membership
) -> None:
    vm, disk = factories.vm(account), factories.disk(account)
    tag, view = factories.tag(account.team), factories.saved_view(owner)
    plant(MARKUP)
    changes = [
        reverse("server_stop", args=[account.pk, vm.remote_id]),
        reverse("server_stop", args=[account.pk, vm.remote_id]),
        reverse("disk_detach", args=[account.pk, disk.remote_id]),
        reverse("tag_delete", args=[account.pk, tag.pk]),
        reverse("view_delete", args=[account.pk, view.pk]),
    ]
    for url in changes:
        page = browser.post(url, follow=True).content.decode()
        assert "planted-tag" in page
        assert not list(dangers(page)), url


# The names of fields of all forms and of all that lists take from their address.
FIELDS = """
name label login handle password password1 password2 oldpassword email text hostname size_mb vm_id ids shown color on
off query q state sort page per_page tag os_id shares cpu duration quantity product_name buy_shares disk_size_mb
disk_name
disk_fstype fstype version shared bulk_at_once team endpoint nonce next action for product all range days month kind
origin what type from to language remember code role message comment
"""


def test_no_submitted_text_runs_when_a_page_shows_it_again(
    browser: Client, furnished: list[Page], owner: Membership
) -> None:
    typed = dict.fromkeys(FIELDS.split(), MARKUP)
    for page in furnished:
        if page.name in {"account_logout", "health"}:
            continue
        for response in (browser.post(page.url, typed), browser.get(page.url.partition("?")[0], typed)):
            assert response.status_code < 500, page.url
            if response.get("Content-Type", "").startswith("text/html"):
                assert not list(dangers(response.content.decode())), page.name


def test_no_export_contains_a_formula_cell(browser: Client, furnished: list[Page], owner: Membership) -> None:
    exports = [page for page in furnished if ACCESS[page.name].get not in {Who.NO_METHOD, Who.NOBODY}]
    payloads = [f"{start}1+cmd|'/c calc'!A0" for start in FORMULAS]
    for payload in (*payloads, *(f"x{mark}{payloads[0]}{mark}y" for mark in SEPARATORS)):
        plant(payload)
        exports = [page for page in exports if has_no_formula(browser, page)]
        assert len(exports) >= 6


def has_no_formula(browser: Client, page: Page) -> bool:
    """Check that no cell of the export begins a formula; return whether the page is an export."""
    glue = "&" if "?" in page.url else "?"
    response: Any = browser.get(f"{page.url}{glue}format=csv")
    if not response.get("Content-Type", "").startswith("text/csv"):
        return False
    text = b"".join(response.streaming_content).decode()
    for row in csv.reader(text.splitlines(keepends=True)):
        for cell in row:
            assert not cell.lstrip(" ").startswith(FORMULAS) or NUMBER.fullmatch(cell), (page.name, cell)
    # A spreadsheet that splits at other marks, with or without regard to quotes.
    for cell in re.split("[,;\t\r\n]", text):
        bare = cell.strip(' "')
        assert not bare.startswith(FORMULAS) or NUMBER.fullmatch(bare), (page.name, cell)
    return True


def test_page_reader_detects_dangerous_markup() -> None:
    assert list(dangers(f"<p>{MARKUP}</p>"))
    assert list(dangers(f'<a title="{MARKUP}">x</a>'))
    assert list(dangers(f'<a href="{ADDRESS}">x</a>'))
    assert list(dangers("<script>1</script>"))
    assert list(dangers("<p onclick=a>"))
    assert not list(dangers('<p title="a">&lt;img&gt;<script src="/static/a.js"></script></p>'))
