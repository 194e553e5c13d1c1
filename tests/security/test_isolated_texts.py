"""Names from outside can't change the order of the words around them: each stands in an element that isolates it."""

from html.parser import HTMLParser

from django.test import Client
from django.urls import reverse
from django.utils.html import conditional_escape, escape

from hosting.accounts.models import Account
from hosting.reading.search import server_label
from hosting.teams.models import Membership
from hosting.teams.rejection import Rejected
from hosting.teams.roles import Role
from hosting.web.wording.isolation import either, flash, isolated, naming, rejection_words
from tests import factories
from tests.security.planted import plant
from tests.security.test_planted_texts import FIELDS, furnished, shown
from tests.web.browsing import Page

__all__ = ["furnished"]

# An override that nothing ends, and letters that are written from right to left.
MIRRORED = "\u202e\u05d0\u05d1 (x"
# Elements without an end tag.
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
# Browsers isolate the text of these by themselves: nothing else stands in them.
_ALONE = {"title", "option", "textarea", "script"}


class _Reader(HTMLParser):
    """Collects texts that contain a planted one and stand in no element that isolates them."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[tuple[str, bool]] = []
        self.isolated = 0
        self.bare: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append((tag, tag in _ALONE or tag == "bdi" or dict(attrs).get("dir") == "auto"))

    def handle_endtag(self, tag: str) -> None:
        while any(opened == tag for opened, _isolates in self._open) and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "\u202e" not in data:
            return
        if any(isolates for _tag, isolates in self._open):
            self.isolated += 1
        else:
            self.bare.append(f"{'>'.join(tag for tag, _isolates in self._open[-3:])}: {' '.join(data.split())}")


def test_every_planted_text_is_isolated(
    browser: Client, furnished: list[Page], account: Account, owner: Membership
) -> None:
    assert plant(MIRRORED) > 30
    furnished.append(Page("search", reverse("search") + "?q=a"))
    isolated = 0
    bare: dict[str, list[str]] = {}
    for name, html in shown(browser, furnished, owner):
        reader = _Reader()
        reader.feed(html)
        isolated += reader.isolated
        for text in reader.bare:
            bare.setdefault(text, []).append(name)
    assert not bare, "\n".join(f"{text!r} on {', '.join(pages[:3])}" for text, pages in bare.items())
    assert isolated > 200


def test_sentences_isolate_the_names_in_them_and_escape_the_rest() -> None:
    sentence = naming("<%(name)s> & %(other)s", name="a<b", other="c")
    assert sentence == "<a<b> & c"
    assert conditional_escape(sentence) == "&lt;<bdi>a&lt;b</bdi>&gt; &amp; <bdi>c</bdi>"
    assert either(["Ada", "<Ben>"]) == "<bdi>Ada</bdi> or <bdi>&lt;Ben&gt;</bdi>"


def test_messages_isolate_the_names_in_them_and_nothing_else(
    browser: Client, account: Account, owner: Membership
) -> None:
    name = "\u05d0\u05d1 (x"
    tag = factories.tag(owner.team, name)
    view = factories.saved_view(owner, name)
    member = factories.member(Role.VIEWER, of=owner.team, person=factories.user(name=name))
    failed = factories.operation(account, by=owner, state="failed", kind="vm_stop", subject=name)
    admin = {"role": "admin", "reach": "all", "until": ""}
    cases = [
        (reverse("tag_delete", args=[account.pk, tag.pk]), {}, "Tag “<bdi>{}</bdi>” deleted."),
        (reverse("view_delete", args=[account.pk, view.pk]), {}, "View “<bdi>{}</bdi>” deleted."),
        (reverse("member", args=[owner.team_id, member.pk]), admin, "Role of <bdi>{}</bdi>: <bdi>Admin</bdi>."),
        (reverse("operation_aside", args=[account.pk, failed.pk]), {}, "“<bdi>Stop server {}</bdi>” was dismissed."),
    ]
    for url, form, words in cases:
        page = browser.post(url, form, follow=True).content.decode()
        assert words.format(name) in page, url


def test_error_beside_a_field_isolates_the_names_in_it_and_nothing_else(
    browser: Client, account: Account, owner: Membership
) -> None:
    name = "\u05d0\u05d1 (x"
    factories.tag(owner.team, name)
    factories.saved_view(owner, name)
    vms = [factories.vm(account, name), factories.vm(account, name)]
    disk = factories.disk(account, name=name)
    gone = factories.vm(account, name, state="halted")
    listed = ", ".join(f"<bdi>{escape(server_label(vm))}</bdi>" for vm in (*vms, gone))
    cases = [
        (reverse("tag_new", args=[account.pk]), {"name": name, "color": "red"}, "a tag named “<bdi>{}</bdi>”."),
        (
            reverse("view_save", args=[account.pk, "servers"]) + "?state=halted",
            {"name": name},
            "named “<bdi>{}</bdi>” ",
        ),
        (
            reverse("server_delete", args=[account.pk, gone.remote_id]),
            {"name": "x"},
            "Type “<bdi>{}</bdi>” to delete it.",
        ),
        (reverse("disk_attach", args=[account.pk, disk.remote_id]), {"vm_id": name}, f"Choose one: {listed}."),
        (
            reverse("team_policies", args=[owner.team_id]),
            {"policy": "networks", "networks": name},
            "“<bdi>{}</bdi>” isn",
        ),
    ]
    for url, form, words in cases:
        page = browser.post(url, form).content.decode()
        assert words.format(name) in page, url


def test_rejection_isolates_the_names_in_it_and_nothing_else(
    browser: Client, account: Account, owner: Membership
) -> None:
    name = "\u05d0\u05d1 (x"
    other = factories.member(Role.OWNER, of=owner.team, person=factories.user(name=name))
    vm = factories.vm(account, state="running")
    factories.operation(account, by=other, state="waiting", kind="vm_stop", target=f"vm:{vm.remote_id}")
    page = browser.post(reverse("server_stop", args=[account.pk, vm.remote_id]), follow=True).content.decode()
    assert f"“<bdi>Stop server</bdi>”, requested by <bdi>{name}</bdi>, is still in progress" in page


def test_every_text_in_the_answer_to_a_form_is_isolated(
    browser: Client, furnished: list[Page], owner: Membership
) -> None:
    plant(MIRRORED)
    typed = dict.fromkeys(FIELDS.split(), MIRRORED)
    bare: dict[str, str] = {}
    isolated = 0
    for page in furnished:
        if page.name in {"account_logout", "health"}:
            continue
        response = browser.post(page.url, typed)
        if response.get("Content-Type", "").startswith("text/html"):
            reader = _Reader()
            reader.feed(response.content.decode())
            isolated += reader.isolated
            bare |= dict.fromkeys(reader.bare, page.name)
    assert not bare, "\n".join(f"{text!r} on {name}" for text, name in bare.items())
    assert isolated > 100


def test_sentence_of_a_rejection_is_filled_in_for_plain_text_too() -> None:
    rejection = Rejected("<%(name)s>, or %(people)s", names={"name": "a<b", "people": ["Ada", "Ben"]})
    assert str(rejection) == rejection.message == "<a<b>, or Ada, Ben"
    assert rejection_words(rejection) == "&lt;<bdi>a&lt;b</bdi>&gt;, or <bdi>Ada</bdi>, <bdi>Ben</bdi>"
    assert rejection_words(Rejected("100 % of it")) == "100 % of it"


def test_message_that_quotes_as_a_whole_is_isolated_as_a_whole() -> None:
    assert isolated("<b> was refused") == "<bdi>&lt;b&gt; was refused</bdi>"
    assert isolated(flash("%(name)s was refused", name="<b>")) == "<bdi>&lt;b&gt;</bdi> was refused"
