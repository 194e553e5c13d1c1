"""Names from before the rule for names are cleaned once, by the migration."""

from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from hosting.annotations.models import Note, Tag
from tests import factories

UNSEEN = "\u202e", "\u200b", "\x07", "\ue000", "\u3164", "\U000e0041", "\u2066"


@pytest.mark.django_db
@pytest.mark.parametrize("char", UNSEEN)
def test_stored_names_lose_what_nobody_can_see(char: str) -> None:
    clean = import_module("hosting.migrations.0039_visible_names").clean
    owner = factories.member()
    team, person = owner.team, owner.user
    account = factories.account(team)
    tag, view = factories.tag(team, "t"), factories.saved_view(owner)
    neutral: dict[tuple[Any, str], str] = {
        (person, "name"): "",
        (team, "name"): f"Team {team.pk}",
        (account, "label"): f"Account {account.pk}",
        (tag, "name"): f"Tag {tag.pk}",
        (view, "name"): f"View {view.pk}",
    }
    # What others see as the name of an object may be like that of the panel.
    reserved = {**neutral, (tag, "name"): "Sharedeck", (view, "name"): "Sharedeck"}
    cases = {f"{char}A{char} {char}name{char}": dict.fromkeys(neutral, "A name"), char: neutral}
    for stored, expected in {**cases, f"Share{char}deck": reserved}.items():
        for row, column in neutral:
            type(row)._default_manager.filter(pk=row.pk).update(**{column: stored})
        clean(apps, None)
        for row, column in neutral:
            row.refresh_from_db()
            assert getattr(row, column) == expected[row, column], (type(row), stored)


@pytest.mark.django_db
def test_stored_tags_that_only_looked_the_same_stay_two() -> None:
    clean = import_module("hosting.migrations.0039_visible_names").clean
    team = factories.team()
    first, second = factories.tag(team, "web"), factories.tag(team, "other")
    Tag.objects.filter(pk=second.pk).update(name="w\u200beb", key="w\u200beb")
    clean(apps, None)
    clean(apps, None)
    assert set(Tag.objects.values_list("name", "key")) == {("web", "web"), (f"web #{second.pk}", f"web #{second.pk}")}
    assert first.name == "web"


@pytest.mark.django_db
def test_stored_notes_and_other_names_stay_as_they_are() -> None:
    clean = import_module("hosting.migrations.0039_visible_names").clean
    account = factories.account(factories.team())
    now = timezone.now()
    note = Note.objects.create(account=account, object_type="vm", remote_id=1, text="a\u202eb\n\tc  d", changed_at=now)
    person = factories.user(name="Zoë  ❤️")
    clean(apps, None)
    note.refresh_from_db()
    person.refresh_from_db()
    assert (note.text, person.name) == ("ab\n\tc  d", "Zoë  ❤️")
