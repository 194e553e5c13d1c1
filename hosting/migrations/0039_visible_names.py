"""Names and notes that were stored before the rule for them lose what nobody can see (`hosting.teams.names`).

A name of which nothing would be left, or only that of the panel, becomes a neutral one. The audit log keeps what was
written: its entries are signed.
"""

from django.db import migrations

from hosting.annotations.names import key_of
from hosting.teams import names

# The models with a name, its column, and the neutral name; a person without one is shown by their address.
NAMED = [
    ("User", "name", ""),
    ("Team", "name", "Team {pk}"),
    ("Account", "label", "Account {pk}"),
    ("ApiToken", "name", "Token {pk}"),
    ("Tag", "name", "Tag {pk}"),
    ("SavedView", "name", "View {pk}"),
]
# Names of objects, which may be like that of the panel.
_OF_OBJECTS = {"Tag", "SavedView"}
TEXTS = [("Note", "text"), ("Operation", "decision_comment")]


def clean(apps, schema_editor):
    for model, column, neutral in NAMED:
        for row in apps.get_model("hosting", model).objects.exclude(**{column: ""}).only("pk", column).iterator():
            _clean_name(row, model, column, neutral)
    for model, column in TEXTS:
        rows = apps.get_model("hosting", model).objects
        for pk, text in rows.exclude(**{column: ""}).values_list("pk", column).iterator():
            if (cleaned := names.tidy_text(names.without_unseen(text))) != names.tidy_text(text):
                rows.filter(pk=pk).update(**{column: cleaned})


def _clean_name(row, model, column, neutral):
    before = getattr(row, column)
    name = names.tidy(names.without_unseen(before))
    is_reserved = model not in _OF_OBJECTS and names.is_of_panel(name)
    if name == names.tidy(before) and not is_reserved:
        return
    if not name or is_reserved:
        name = neutral.format(pk=row.pk)
    rows = type(row)._default_manager
    if model not in _OF_OBJECTS:
        rows.filter(pk=row.pk).update(**{column: name})
        return
    # Two that looked the same were two only by what nobody sees.
    same = rows.exclude(pk=row.pk).filter(team=row.team_id, key=key_of(name))
    if model == "SavedView":
        same = same.filter(section=row.section, owner=row.owner_id)
    if same.exists():
        name = f"{name[:28]} #{row.pk}"
    rows.filter(pk=row.pk).update(**{column: name}, key=key_of(name))


class Migration(migrations.Migration):

    dependencies = [("hosting", "0038_candidate_requested_by")]

    operations = [migrations.RunPython(clean, migrations.RunPython.noop)]
