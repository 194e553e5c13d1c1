"""Notes: overwriting needs the current version."""

from functools import partial

import pytest

from hosting.annotations import notes
from hosting.annotations.models import Note, ObjectType
from hosting.operations.models.rejection import Invalid
from hosting.teams.audit.models import AuditEntry
from hosting.teams.roles import NotAllowedError, Role
from tests import factories
from tests.concurrently import at_once

VM = ObjectType.VM


def write(account: object, text: str, version: int, by: object) -> None:
    notes.write(account, VM, 1, text, version=version, name="web-1", by=by)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_overwriting_a_note_needs_its_current_version() -> None:
    anna = factories.member()
    account = factories.account(anna.team)
    bert = factories.member(of=anna.team)
    write(account, "Mail relay", 0, anna)
    with pytest.raises(notes.ChangedMeanwhile):
        write(account, "Database", 0, bert)
    write(account, "Mail relay for Acme", 1, bert)
    with pytest.raises(notes.ChangedMeanwhile):
        write(account, "Something else", 1, anna)
    note = notes.of_object(account, VM, 1)
    assert note
    assert (note.text, note.version, note.changed_by) == ("Mail relay for Acme", 2, bert.user)


@pytest.mark.django_db
def test_emptied_note_keeps_its_version() -> None:
    owner = factories.member()
    account = factories.account(owner.team)
    write(account, "x", 0, owner)
    write(account, "", 1, owner)
    with pytest.raises(notes.ChangedMeanwhile):
        write(account, "y", 0, owner)


@pytest.mark.django_db(transaction=True)
def test_one_of_two_concurrent_saves_is_refused() -> None:
    owner = factories.member()
    account = factories.account(owner.team)
    write(account, "x", 0, owner)
    texts = ("one", "two")
    results = at_once(*(partial(write, account, text, 1, owner) for text in texts), refusals=[notes.ChangedMeanwhile])
    refused = [text for text, result in zip(texts, results, strict=True) if result is not None]
    note = Note.objects.get()
    assert len(refused) == 1
    assert note.version == 2
    assert {note.text, *refused} == {"one", "two"}


@pytest.mark.django_db
def test_audit_log_records_a_note_change_without_its_text() -> None:
    owner = factories.member()
    account = factories.account(owner.team)
    write(account, "the password is hunter2", 0, owner)
    line = AuditEntry.objects.get(action="note.changed")
    assert line.subject == "web-1"
    assert "hunter2" not in str(line.detail)


@pytest.mark.django_db
def test_note_needs_permission_and_a_bounded_length() -> None:
    owner = factories.member()
    account = factories.account(owner.team)
    for by in (factories.member(Role.VIEWER, of=owner.team), factories.member()):
        with pytest.raises(NotAllowedError):
            write(account, "x", 0, by)
    with pytest.raises(Invalid):
        write(account, "x" * 4001, 0, owner)
    assert not Note.objects.exists()
