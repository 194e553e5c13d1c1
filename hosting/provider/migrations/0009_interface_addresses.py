"""Interfaces name the rows of their addresses. Apart from their making: PostgreSQL alters no table with open checks."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('provider', '0008_address_pools'),
    ]

    operations = [
        migrations.RemoveField(model_name='interface', name='ipv4'),
        migrations.RemoveField(model_name='interface', name='ipv6'),
        migrations.RenameField(model_name='interface', old_name='address4', new_name='ipv4'),
        migrations.RenameField(model_name='interface', old_name='address6', new_name='ipv6'),
        migrations.AlterField(
            model_name='interface',
            name='ipv4',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='provider.address'),
        ),
        migrations.AlterField(
            model_name='interface',
            name='ipv6',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='provider.address'),
        ),
    ]
