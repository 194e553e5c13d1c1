"""Tags: names are unique regardless of case, and objects keep their tags across mirror updates."""

import re
from pathlib import Path

import pytest

from hosting.accounts.models import Account
from hosting.annotations import tags
from hosting.annotations.models import Color, ObjectType, TagUse
from hosting.operations.models.rejection import Invalid
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests import factories

VM = ObjectType.VM


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member()


@pytest.fixture
def account(owner: Membership) -> Account:
    return factories.account(owner.team)


@pytest.mark.parametrize("name", ["Production", "PRODUCTION", " production ", "ＰＲＯＤＵＣＴＩＯＮ"])
def test_tag_names_are_unique_regardless_of_case(owner: Membership, name: str) -> None:
    tags.create("production", "green", by=owner)
    with pytest.raises(Invalid) as refusal:
        tags.create(name, "red", by=owner)
    assert refusal.value.field == "name"
    other = tags.create("Études", "red", by=owner)
    with pytest.raises(Invalid):
        tags.change(other, name, "red", by=owner)
    with pytest.raises(Invalid):
        tags.create("éTUDES", "red", by=owner)


def test_another_team_can_use_the_same_tag_name(owner: Membership) -> None:
    tags.create("production", "green", by=owner)
    assert tags.create("production", "green", by=factories.member()).pk


@pytest.mark.parametrize(("name", "color"), [("", "red"), ("   ", "red"), ("x" * 41, "red"), ("x", "mauve")])
def test_invalid_tag_name_or_colour_is_refused(owner: Membership, name: str, color: str) -> None:
    with pytest.raises(Invalid):
        tags.create(name, color, by=owner)


def test_adding_and_removing_tags_is_idempotent(owner: Membership, account: Account) -> None:
    web, db = tags.create("web", "teal", by=owner), tags.create("db", "blue", by=owner)
    objects = {1: "web-1", 2: "web-2"}
    assert tags.put(account, VM, {1: "web-1"}, on=[web], by=owner) == 1
    assert tags.put(account, VM, objects, on=[web, db], by=owner) == 3
    assert tags.put(account, VM, objects, on=[web, db], by=owner) == 0
    assert tags.put(account, VM, objects, off=[web], on=[db], by=owner) == 2
    assert tags.on_objects(account, VM, objects, tags.of_team(owner.team_id)) == {1: [db], 2: [db]}
    lines = AuditEntry.objects.filter(action="tags.put")
    assert [line.detail["objects"] for line in lines.order_by("id")] == [[1], [1, 2], [1, 2]]


def test_object_keeps_its_tags_when_its_row_is_recreated(owner: Membership, account: Account) -> None:
    vm = factories.vm(account)
    tag = factories.tag(owner.team, on=[vm])
    remote_id = vm.remote_id
    vm.delete()
    factories.vm(account, remote_id=remote_id)
    assert tags.of_object(account, VM, remote_id) == [tag]
    assert tags.of_object(account, ObjectType.DISK, remote_id) == []
    assert tags.of_object(factories.account(owner.team), VM, remote_id) == []


def test_renaming_a_tag_keeps_its_uses_and_deleting_removes_them(owner: Membership, account: Account) -> None:
    tag = factories.tag(owner.team, "old", on=[factories.vm(account), factories.disk(account)])
    version = account.version
    tags.change(tag, "New name", "pink", by=owner)
    found = tags.with_uses(owner).get()
    assert (found.name, found.color, found.count) == ("New name", "pink", 2)  # type: ignore[attr-defined]
    account.refresh_from_db()
    assert account.version > version
    tags.delete(tag, by=owner)
    assert not TagUse.objects.exists()
    assert AuditEntry.objects.filter(action="tag.deleted", subject="old").get().detail == {"uses": 2}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.BILLING, Role.ADMIN])
def test_tagging_needs_operate_permission(owner: Membership, account: Account, role: str) -> None:
    tag = factories.tag(owner.team)
    member = factories.member(role, of=owner.team)
    for ask in (
        lambda: tags.create("x", "red", by=member),
        lambda: tags.change(tag, "x", "red", by=member),
        lambda: tags.delete(tag, by=member),
        lambda: tags.put(account, VM, {1: "web-1"}, on=[tag], by=member),
    ):
        with pytest.raises(NotAllowedError):
            ask()


def test_tags_and_objects_of_another_team_are_refused(owner: Membership, account: Account) -> None:
    stranger = factories.member()
    theirs = factories.tag(stranger.team)
    own = factories.tag(owner.team)
    for ask in (
        lambda: tags.put(account, VM, {1: "web-1"}, on=[theirs], by=owner),
        lambda: tags.put(account, VM, {1: "web-1"}, off=[theirs], by=owner),
        lambda: tags.put(factories.account(stranger.team), VM, {1: "web-1"}, on=[own], by=owner),
        lambda: tags.delete(theirs, by=owner),
    ):
        with pytest.raises(NotAllowedError):
            ask()
    assert not TagUse.objects.exists()


def test_failed_tagging_leaves_no_new_tag(owner: Membership, account: Account) -> None:
    with pytest.raises(Invalid):
        tags.put(account, VM, {}, new=("web", "teal"), by=owner)
    assert tags.of_team(owner.team_id) == []


def _luminance(color: str) -> float:
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["", '[data-bs-theme="dark"] '])
@pytest.mark.parametrize("color", Color.values)
def test_tag_colours_are_readable_in_both_themes(color: str, theme: str) -> None:
    css = Path("static/panel.css").read_text(encoding="utf-8")
    pair = re.search(
        rf"^{re.escape(theme)}\.tag-{color} {{ --tag-bg: (#\w{{6}}); --tag-fg: (#\w{{6}}); }}$", css, re.MULTILINE
    )
    assert pair
    dark, light = sorted(_luminance(one) for one in pair.groups())
    assert (light + 0.05) / (dark + 0.05) >= 4.5
