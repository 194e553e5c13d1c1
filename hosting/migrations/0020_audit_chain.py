import hmac
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_BATCH = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = (
    "team_id",
    "sequence",
    "at",
    "actor_id",
    "actor_name",
    "address",
    "session",
    "token_id",
    "action",
    "subject",
    "account_id",
    "thing",
    "operation_id",
    "before",
    "after",
    "outcome",
    "detail",
)


def chain(apps, schema_editor):
    """Give the entries that are there a place in their team's chain, in the order in which they were written."""
    entries, heads = apps.get_model("hosting", "AuditEntry"), apps.get_model("hosting", "AuditHead")
    connection = schema_editor.connection
    key = hmac.digest(settings.AUDIT_KEY.encode(), b"sharedeck: chain of the audit trail", sha256)
    update = f"UPDATE {entries._meta.db_table} SET sequence = %s, digest = %s WHERE id = %s"
    for team_id in list(entries.objects.order_by().values_list("team_id", flat=True).distinct()):
        sequence, digest, last = 0, "", 0
        while True:
            rows = list(
                entries.objects.filter(team_id=team_id, pk__gt=last)
                .order_by("pk")
                .values("pk", *(name for name in _COLUMNS if name != "sequence"))[:_BATCH]
            )
            if not rows:
                break
            written = []
            for row in rows:
                sequence, last = sequence + 1, row["pk"]
                digest = _digest(key, digest, {**row, "sequence": sequence})
                written.append((sequence, digest, last))
            with connection.cursor() as cursor:
                cursor.executemany(update, written)
        heads.objects.create(team_id=team_id, sequence=sequence, digest=digest)


def _digest(key, previous, row):
    told = {name: row[name] for name in _COLUMNS}
    told["at"] = (row["at"] - _EPOCH) // timedelta(microseconds=1)
    text = json.dumps(_plain(told), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.digest(key, f"{previous}\n{text}".encode(), sha256).hex()


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


class Migration(migrations.Migration):
    dependencies = [
        ("hosting", "0019_invitations"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sequence", models.PositiveBigIntegerField(default=0)),
                ("digest", models.CharField(blank=True, max_length=64)),
                (
                    "team",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="audit_head", to="hosting.team"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="auditentry",
            name="digest",
            field=models.CharField(default="", max_length=64),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="auditentry",
            name="sequence",
            field=models.PositiveBigIntegerField(default=0),
            preserve_default=False,
        ),
        migrations.RunPython(chain, migrations.RunPython.noop, elidable=True),
        migrations.AlterModelOptions(
            name="auditentry",
            options={"ordering": ["-sequence"]},
        ),
        migrations.RemoveIndex(
            model_name="auditentry",
            name="hosting_aud_team_id_c29110_idx",
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="actor",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="audit_entries",
                to="hosting.team",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["team", "actor", "-sequence"], name="trail_of_a_person"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["team", "account_id", "-sequence"], name="trail_of_an_account"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["team", "at"], name="trail_by_time"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("thing", ""), _negated=True),
                fields=["account_id", "thing", "-sequence"],
                name="trail_of_an_object",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("operation_id__isnull", False)),
                fields=["operation_id", "-sequence"],
                name="trail_of_an_operation",
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("outcome", ""), _negated=True),
                fields=["team", "outcome", "-sequence"],
                name="trail_by_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="auditentry",
            constraint=models.UniqueConstraint(fields=("team", "sequence"), name="one_chain_per_team"),
        ),
    ]
