from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hosting", "0012_desk")]

    operations = [
        migrations.AddField(
            model_name="disk",
            name="device",
            field=models.CharField(blank=True, default="", max_length=64),
        ),
    ]
