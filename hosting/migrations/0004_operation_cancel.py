from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('hosting', '0002_operation_set_aside_at'),
        ('hosting', '0003_page_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='operation',
            name='cancel_asked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='operation',
            name='cancel_sent_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='operation',
            name='cancel_state',
            field=models.CharField(blank=True, choices=[('', 'Not asked for'), ('asked', 'Asked for'), ('sent', 'Sent'), ('too_late', 'Too late'), ('refused', 'Refused'), ('unanswered', 'Not answered')], default='', max_length=10),
        ),
        migrations.AddIndex(
            model_name='operation',
            index=models.Index(fields=['cancel_state', 'cancel_asked_at'], name='hosting_ope_cancel__1ec6c6_idx'),
        ),
    ]
