"""Saved views: ownership, visibility and allowed filters."""

import pytest

from hosting.annotations import saved_views
from hosting.annotations.models import SavedView
from hosting.operations.models.rejection import Invalid
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError, Role
from tests import factories


@pytest.fixture
def anna(db: None) -> Membership:
    return factories.member(Role.OPERATOR)


def save(by: Membership, name: str = "Stopped", query: str = "state=halted", *, shared: bool = False) -> SavedView:
    return saved_views.save("servers", name, query, shared=shared, by=by)


def test_private_views_belong_to_the_member_and_shared_views_to_the_team(anna: Membership) -> None:
    bert = factories.member(of=anna.team)
    own, shared = save(anna), save(anna, "Ours", shared=True)
    assert set(saved_views.of_list("servers", by=anna)) == {own, shared}
    assert saved_views.of_list("servers", by=bert) == [shared]
    assert saved_views.of_list("disks", by=bert) == []
    assert saved_views.of_list("servers", by=factories.member()) == []
    elsewhere = factories.member(person=anna.user)
    assert saved_views.of_list("servers", by=elsewhere) == []


def test_audit_log_records_only_shared_views(anna: Membership) -> None:
    own, shared = save(anna), save(anna, "Ours", shared=True)
    saved_views.delete(own, by=anna)
    saved_views.delete(shared, by=anna)
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
def test_view_accepts_only_filters_of_its_list(anna: Membership, section: str, query: str) -> None:
    with pytest.raises(Invalid):
        saved_views.save(section, "x", query, shared=False, by=anna)
    assert not SavedView.objects.exists()


def test_views_are_limited_per_list_and_have_unique_names(anna: Membership) -> None:
    for number in range(saved_views.MOST):
        save(anna, f"view {number}")
    with pytest.raises(Invalid):
        save(anna, "one more")
    saved_views.save("disks", "one more", "state=created", shared=False, by=anna)
    save(factories.member(of=anna.team), "view 1")
    saved_views.delete(SavedView.objects.filter(owner=anna.user, key="view 0").first(), by=anna)  # type: ignore[arg-type]
    with pytest.raises(Invalid) as refusal:
        save(anna, "VIEW 5")
    assert refusal.value.field == "name"


def test_only_owner_or_member_managers_delete_a_shared_view(anna: Membership) -> None:
    shared, own = save(anna, "Ours", shared=True), save(anna, "Mine")
    with pytest.raises(NotAllowedError):
        saved_views.delete(shared, by=factories.member(Role.OPERATOR, of=anna.team))
    with pytest.raises(NotAllowedError):
        saved_views.delete(shared, by=factories.member(Role.OWNER))
    admin = factories.member(Role.ADMIN, of=anna.team)
    with pytest.raises(NotAllowedError):
        saved_views.delete(own, by=admin)
    saved_views.delete(shared, by=admin)
    assert list(SavedView.objects.all()) == [own]
