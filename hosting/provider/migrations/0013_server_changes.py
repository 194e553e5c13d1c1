from django.db import migrations, models


def name_addresses(apps, schema_editor):
    """An address without a name of its own has that of its VM, whatever that is later."""
    Interface = apps.get_model("provider", "Interface")
    Address = apps.get_model("provider", "Address")
    named = Interface.objects.exclude(reverse="").exclude(reverse=models.F("vm__hostname"))
    for ipv4, ipv6, reverse in named.values_list("ipv4", "ipv6", "reverse").iterator():
        Address.objects.filter(pk__in=[ipv4, ipv6]).update(reverse=reverse)


class Migration(migrations.Migration):

    dependencies = [
        ('provider', '0012_first_boot'),
    ]

    operations = [
        migrations.AddField(
            model_name='address',
            name='reverse',
            field=models.CharField(blank=True, help_text="in the DNS; empty: its VM's host name", max_length=253),
        ),
        migrations.RunPython(name_addresses, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name='interface',
            name='reverse',
        ),
        migrations.AddField(
            model_name='disk',
            name='generation',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='how often its content was made anew'),
        ),
        migrations.AddField(
            model_name='vm',
            name='sealed_password',
            field=models.TextField(default='', editable=False),
        ),
    ]
