"""Saved views: whose they are, who sees them, and what they may hold."""

import pytest

from hosting.desk import saved
from hosting.desk.models import SavedView
from hosting.operations.rejection import Invalid
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests import factories


@pytest.fixture
def anna(db: None) -> Membership:
    return factories.member(Role.OPERATOR)


def save(by: Membership, name: str = "Stopped", query: str = "state=halted", *, shared: bool = False) -> SavedView:
    return saved.save("servers", name, query, shared=shared, by=by)


def test_ones_own_views_are_ones_own_and_shared_ones_are_the_teams(anna: Membership) -> None:
    bert = factories.member(of=anna.team)
    own, shared = save(anna), save(anna, "Ours", shared=True)
    assert set(saved.of_list("servers", by=anna)) == {own, shared}
    assert saved.of_list("servers", by=bert) == [shared]
    assert saved.of_list("disks", by=bert) == []
    assert saved.of_list("servers", by=factories.member()) == []
    elsewhere = factories.member(person=anna.user)
    assert saved.of_list("servers", by=elsewhere) == []


def test_only_shared_views_are_in_the_trail(anna: Membership) -> None:
    own, shared = save(anna), save(anna, "Ours", shared=True)
    saved.delete(own, by=anna)
    saved.delete(shared, by=anna)
    lines = AuditEntry.objects.filter(action__startswith="view.").order_by("id")
    assert list(lines.values_list("action", "subject")) == [("view.shared", "Ours"), ("view.deleted", "Ours")]


@pytest.mark.parametrize(
    ("section", "query"),
    [
        ("servers", "page=2"),
        ("servers", "state=halted&format=csv"),
        ("servers", "next=//evil.example/"),
        ("shares", "q=x"),
        ("operations", "tag=1"),
        ("accounts", "q=x"),
        ("servers", ""),
        ("servers", "q=" + "x" * 1000),
    ],
)
def test_a_view_holds_what_its_list_knows_and_nothing_else(anna: Membership, section: str, query: str) -> None:
    with pytest.raises(Invalid):
        saved.save(section, "x", query, shared=False, by=anna)
    assert not SavedView.objects.exists()


def test_a_person_has_twenty_views_of_a_list_and_each_name_once(anna: Membership) -> None:
    for number in range(saved.MOST):
        save(anna, f"view {number}")
    with pytest.raises(Invalid):
        save(anna, "one more")
    saved.save("disks", "one more", "state=created", shared=False, by=anna)
    save(factories.member(of=anna.team), "view 1")
    saved.delete(SavedView.objects.filter(owner=anna.user, key="view 0").first(), by=anna)  # type: ignore[arg-type]
    with pytest.raises(Invalid) as refusal:
        save(anna, "VIEW 5")
    assert refusal.value.field == "name"


def test_a_view_is_deleted_by_its_owner_or_who_manages_people(anna: Membership) -> None:
    shared, own = save(anna, "Ours", shared=True), save(anna, "Mine")
    with pytest.raises(NotAllowedError):
        saved.delete(shared, by=factories.member(Role.OPERATOR, of=anna.team))
    with pytest.raises(NotAllowedError):
        saved.delete(shared, by=factories.member(Role.OWNER))
    admin = factories.member(Role.ADMIN, of=anna.team)
    with pytest.raises(NotAllowedError):
        saved.delete(own, by=admin)
    saved.delete(shared, by=admin)
    assert list(SavedView.objects.all()) == [own]
