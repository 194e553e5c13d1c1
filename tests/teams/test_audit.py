"""The audit log's chain: changes made by hand in the database are detected, and code cannot change an entry."""

import re
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from hosting import migrations
from hosting.teams.audit import verification
from hosting.teams.audit.log import record
from hosting.teams.audit.models import AppendOnlyError, AuditEntry, AuditHead
from hosting.teams.models import Membership, Team
from tests import factories


@pytest.fixture
def by(db: None) -> Membership:
    return factories.member()


@pytest.fixture
def team(by: Membership) -> Team:
    """A team with five entries that hold many types of values."""
    values: list[object] = [{"label": "é ☃"}, [1, 2.0, 2.5, 1e22, True, None], "", {"b": {}, "a": 1}, None]
    for number, value in enumerate(values):
        record(by.team, by=by, action="test", subject=f"line {number}", before=value, number=number)
    return by.team


def verify(*args: str) -> tuple[int, str]:
    """Run the verify command; return its exit code and output."""
    out = StringIO()
    try:
        call_command("verify_audit", *args, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def by_hand(sql: str, *values: int | str) -> None:
    """Run SQL on the database directly, past the models' append-only rules."""
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("ENTRIES", "hosting_auditentry").replace("HEADS", "hosting_audithead"), values)


def test_untouched_audit_log_verifies(team: Team, by: Membership) -> None:
    record(factories.team("Other"), by=None, action="test", subject="")
    status, out = verify()
    assert status == 0
    head = AuditHead.objects.get(team=team)
    assert f"{team.pk}:5:{head.digest}" in out
    assert "Other: 1 entries" in out
    assert [entry.sequence for entry in AuditEntry.objects.filter(team=team).order_by("pk")] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("subject", "x"),
        ("actor_name", "x"),
        ("actor_id", 0),
        ("address", "x"),
        ("session", "x"),
        ("token_id", 1),
        ("action", "x"),
        ("account_id", 1),
        ("thing", "x"),
        ("operation_id", 1),
        ("before", "7"),
        ("after", "7"),
        ("outcome", "x"),
        ("detail", "{}"),
        ("at", "2001-01-01 00:00:00+00:00"),
        ("digest", "0" * 64),
    ],
)
def test_altered_entry_is_reported(team: Team, column: str, value: int | str) -> None:
    entry = AuditEntry.objects.get(team=team, sequence=3)
    by_hand(f"UPDATE ENTRIES SET {column} = %s WHERE id = %s", value, entry.pk)
    assert verify() == (1, f"team {team.pk} {team}: entry 3 (row {entry.pk}) was altered\n")


@pytest.mark.parametrize("place", [1, 3])
def test_deleted_entry_is_reported(team: Team, place: int) -> None:
    by_hand("DELETE FROM ENTRIES WHERE sequence = %s", place)
    assert verify() == (1, f"team {team.pk} {team}: entry {place} is missing\n")


def test_deletion_with_renumbering_is_detected(team: Team) -> None:
    by_hand("DELETE FROM ENTRIES WHERE sequence = 3")
    by_hand("UPDATE ENTRIES SET sequence = 3 WHERE sequence = 4")
    by_hand("UPDATE ENTRIES SET sequence = 4 WHERE sequence = 5")
    status, out = verify()
    assert status == 1
    assert "entry 3 " in out


def test_inserted_entry_is_reported(team: Team) -> None:
    for place in (5, 4, 3):
        by_hand("UPDATE ENTRIES SET sequence = %s WHERE sequence = %s", place + 1, place)
    columns = ", ".join(str(f.column) for f in AuditEntry._meta.local_fields if f.name not in {"id", "sequence"})
    by_hand(f"INSERT INTO ENTRIES (sequence, {columns}) SELECT 3, {columns} FROM ENTRIES WHERE sequence = 2")
    row = AuditEntry.objects.latest("pk").pk
    assert verify() == (1, f"team {team.pk} {team}: entry 3 (row {row}) was inserted or moved\n")


def test_swapped_entries_are_reported(team: Team) -> None:
    for old, new in ((2, 100), (4, 2), (100, 4)):
        by_hand("UPDATE ENTRIES SET sequence = %s WHERE sequence = %s", new, old)
    status, out = verify()
    assert status == 1
    assert re.search(r"entry 2 \(row \d+\) was inserted or moved", out)


def test_entry_moved_to_another_team_is_reported(team: Team) -> None:
    other = factories.team()
    by_hand("UPDATE ENTRIES SET team_id = %s WHERE sequence = 1", other.pk)
    status, out = verify()
    assert status == 1
    assert f"team {team.pk} {team}: entry 1 is missing" in out
    assert f"team {other.pk} {other}: entry 1 (row" in out


def test_truncated_log_is_detected_by_the_head(team: Team) -> None:
    by_hand("DELETE FROM ENTRIES WHERE sequence > 3")
    assert verify() == (1, f"team {team.pk} {team}: entry 4 is missing at the end: the head names a later entry\n")


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM HEADS",
        "UPDATE HEADS SET sequence = 2",
        "UPDATE HEADS SET digest = ''",
    ],
)
def test_altered_head_is_detected(team: Team, sql: str) -> None:
    by_hand(sql)
    status, out = verify()
    assert status == 1
    assert "the head names another" in out


def test_restored_older_log_lacks_the_expected_entry(team: Team) -> None:
    noted = verify()[1].split()[-1]
    assert verify("--expect", noted)[0] == 0
    record(team, by=None, action="test", subject="later")
    assert verify("--expect", noted)[0] == 0
    # Remove entries and head together, as restoring yesterday's database copy would.
    digest = AuditEntry.objects.get(sequence=2).digest
    by_hand("DELETE FROM ENTRIES WHERE sequence > 2")
    by_hand("UPDATE HEADS SET sequence = 2, digest = %s", digest)
    assert verify()[0] == 0
    status, out = verify("--expect", noted)
    assert status == 1
    assert "entry 5 was noted, and the chain ends before it" in out
    for number in range(5):
        record(team, by=None, action="test", subject=f"other {number}")
    status, out = verify("--expect", noted)
    assert status == 1
    assert re.search(r"entry 5 \(row \d+\) is not the one that was noted", out)


def test_entry_written_with_another_key_is_reported(team: Team, settings: Settings) -> None:
    settings.AUDIT_KEY = "another"
    record(team, by=None, action="test", subject="forged")
    settings.AUDIT_KEY = settings.SECRET_KEY
    status, out = verify()
    assert status == 1
    assert "entry 6 " in out


def test_verify_command_fails_for_unknown_teams_and_invalid_arguments(team: Team) -> None:
    for arguments in (["--team", "999999"], ["--expect", f"999999:1:{'0' * 64}"], ["--expect", "nonsense"]):
        with pytest.raises(CommandError):
            verify(*arguments)


def test_chain_is_verified_in_batches(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "_BATCH", 2)
    assert verification.verify(team.pk).entries == 5
    by_hand("UPDATE ENTRIES SET subject = '' WHERE sequence = 5")
    assert verification.verify(team.pk).entries == 4


def test_models_refuse_to_change_or_delete_an_entry(team: Team) -> None:
    entry = AuditEntry.objects.get(sequence=3)
    entry.subject = "altered"
    lines = AuditEntry.objects.all()
    for change in (
        entry.save,
        entry.delete,
        lines.delete,
        lambda: lines.update(subject="altered"),
        lambda: lines.bulk_update([entry], ["subject"]),
    ):
        with pytest.raises(AppendOnlyError):
            change()
    assert verify()[0] == 0


def test_entry_survives_the_deletion_of_its_actor(team: Team, by: Membership) -> None:
    name, number = str(by.user), by.user_id
    by.user.delete()
    entry = AuditEntry.objects.filter(team=team).latest("pk")
    assert (entry.actor_id, entry.actor_name) == (number, name)
    assert verify()[0] == 0


def test_rolled_back_entry_leaves_no_gap(team: Team) -> None:
    with transaction.atomic():
        record(team, by=None, action="test", subject="never")
        transaction.set_rollback(True)
    record(team, by=None, action="test", subject="next")
    assert verify()[0] == 0
    assert AuditEntry.objects.filter(team=team).count() == 6


def test_recording_an_entry_takes_three_statements(team: Team) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as asked:
        record(team, by=None, action="test", subject="")
    # PostgreSQL is told to check foreign keys now, and then as before.
    assert len([query for query in asked if not query["sql"].startswith("SET CONSTRAINTS")]) == 3
    assert len(asked) == (5 if connection.vendor == "postgresql" else 3)


def test_migration_chains_existing_entries(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    other = factories.team()
    record(other, by=None, action="test", subject="")
    before = list(AuditEntry.objects.order_by("pk").values_list("sequence", "digest"))
    by_hand("DELETE FROM HEADS")
    by_hand("UPDATE ENTRIES SET sequence = id + 1000, digest = ''")
    file = next(Path(migrations.__path__[0]).glob("*_audit_chain.py"))
    migration = import_module(f"hosting.migrations.{file.stem}")
    monkeypatch.setattr(migration, "_BATCH", 2)
    migration.chain(apps, SimpleNamespace(connection=connection))
    assert list(AuditEntry.objects.order_by("pk").values_list("sequence", "digest")) == before
    assert verify()[0] == 0
