from django.db import migrations, models


def anchor_on_the_day_of_purchase(apps, schema_editor):
    """Products that ended ever earlier in the month, renewal by renewal, return to the day on which they were bought."""
    products = apps.get_model("provider", "Product").objects
    for day in range(1, 32):
        products.filter(date_created__day=day).update(anchor_day=day)


class Migration(migrations.Migration):

    dependencies = [
        ("provider", "0002_kept_answer"),
    ]

    operations = [
        migrations.AddField(
            model_name="product",
            name="anchor_day",
            field=models.PositiveSmallIntegerField(
                default=1, help_text="the day of the month on which it was bought"
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="product",
            name="autorenew",
            field=models.BooleanField(
                default=False, help_text="renewed before it ends, when the balance covers it"
            ),
        ),
        migrations.AddField(
            model_name="product",
            name="autorenew_refused_for",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="vm",
            name="shares_ended",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="vm",
            index=models.Index(
                condition=models.Q(("shares_ended__isnull", False)), fields=["account"], name="paused_vms"
            ),
        ),
        migrations.RunPython(anchor_on_the_day_of_purchase, migrations.RunPython.noop, elidable=True),
    ]
