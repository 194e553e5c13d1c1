"""Sessions of the staff are stored under digests of their keys. They stay valid: cookies keep the keys."""

from django.db import migrations

from safekeeping.sessions import digest_keys


def rename(apps, schema_editor):
    digest_keys(apps.get_model("sessions", "Session"))


class Migration(migrations.Migration):

    dependencies = [("provider", "0004_changed_objects"), ("sessions", "0001_initial")]

    operations = [migrations.RunPython(rename)]
