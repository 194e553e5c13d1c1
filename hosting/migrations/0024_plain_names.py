"""Names that explain themselves: requested instead of asked, dismissed instead of set aside, limit instead of ceiling."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hosting", "0023_policies")]

    operations = [
        # A partial index names its column in its condition: it goes before the column is renamed, and comes after.
        migrations.RemoveIndex("operation", "hosting_ope_cancel__1ec6c6_idx"),
        migrations.RemoveIndex("operation", "operations_through_a_token"),
        migrations.RenameModel("SpendCeiling", "SpendingLimit"),
        migrations.AlterField(
            "spendinglimit",
            "team",
            models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="spending_limits", to="hosting.team"
            ),
        ),
        *(migrations.RenameField(model, "asked_through", "requested_through") for model in ("operation", "plan", "bulk")),
        migrations.RenameField("operation", "asked_as", "requested_as"),
        migrations.RenameField("operation", "shares_asked", "requested_shares"),
        migrations.RenameField("operation", "cancel_asked_at", "cancel_requested_at"),
        *(migrations.RenameField(model, "set_aside_at", "dismissed_at") for model in ("operation", "bulk")),
        migrations.AddIndex(
            "operation",
            models.Index(fields=["cancel_state", "cancel_requested_at"], name="hosting_ope_cancel__7afc78_idx"),
        ),
        migrations.AddIndex(
            "operation",
            models.Index(
                fields=["requested_through"],
                condition=models.Q(requested_through__isnull=False),
                name="operations_through_a_token",
            ),
        ),
    ]
