"""The member who asked is called "requested by" everywhere."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [("hosting", "0037_whole_names")]

    operations = [migrations.RenameField("candidate", "asked_by", "requested_by")]
