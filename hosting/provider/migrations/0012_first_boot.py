from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('provider', '0011_usage_samples'),
    ]

    operations = [
        migrations.AddField(
            model_name='operation',
            name='sealed_user_data',
            field=models.TextField(default='', editable=False),
        ),
        migrations.AddField(
            model_name='vm',
            name='ssh_keys',
            field=models.JSONField(default=list, editable=False),
        ),
    ]
