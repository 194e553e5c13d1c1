import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("hosting", "0024_plain_names"),
    ]

    operations = [
        migrations.AlterField(
            model_name="account",
            name="trouble",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("credentials", "The provider rejected the credentials"),
                    ("handle", "These credentials can't act as this handle"),
                    ("seal", "The stored password can't be decrypted with the current keys"),
                    ("untested", "The credentials haven't been tested yet"),
                ],
                default="",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="bulk",
            name="problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("away", "The provider isn't responding. Nothing was sent. Resume when it responds again."),
                    ("trouble", "The account's credentials don't work. Fix them, then resume."),
                    ("not_allowed", "The requesting member's role no longer allows this."),
                    ("quiet", "Deleting is blocked during your team's quiet hours. Resume when they are over."),
                    ("member_left", "The requesting member has left the team, or their API token has expired."),
                ],
                default="",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="bulkrow",
            name="problem",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("busy", "Another operation was in progress on this object."),
                    ("wrong_state", "Its state didn't allow this, or it no longer existed."),
                    ("not_enough", "Not enough free capacity."),
                    ("invalid", "The provider doesn't accept these values."),
                ],
                default="",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="bulkrow",
            name="state",
            field=models.CharField(
                choices=[("waiting", "Queued"), ("running", "In progress"), ("done", "Done"), ("failed", "Failed")],
                default="waiting",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="candidate",
            name="refusal",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "None"),
                    ("credentials", "The provider rejected the credentials"),
                    ("handle", "These credentials can't act as this handle"),
                    ("seal", "The password can't be decrypted with the current keys"),
                    ("taken", "Your team already has an account with this login and handle"),
                ],
                default="",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="candidate",
            name="state",
            field=models.CharField(
                choices=[
                    ("testing", "Testing"),
                    ("unanswered", "Waiting for the provider"),
                    ("accepted", "Accepted by the provider"),
                    ("refused", "Rejected by the provider"),
                    ("expired", "Test timed out"),
                ],
                default="testing",
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="change",
            name="what",
            field=models.CharField(
                choices=[("appeared", "Added"), ("changed", "Changed"), ("vanished", "Removed")], max_length=10
            ),
        ),
        migrations.AlterField(
            model_name="disk",
            name="state",
            field=models.CharField(
                choices=[
                    ("being_created", "Creating"),
                    ("created", "Unattached"),
                    ("attached", "Attached"),
                    ("error", "Error"),
                    ("deleted", "Deleted"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="invitation",
            name="email",
            field=models.EmailField(max_length=254, verbose_name="email address"),
        ),
        migrations.AlterField(
            model_name="operation",
            name="cancel_state",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", "Not requested"),
                    ("asked", "Requested"),
                    ("sent", "Sent"),
                    ("too_late", "Too late"),
                    ("refused", "Refused"),
                    ("unanswered", "No answer"),
                ],
                default="",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="origin",
            field=models.CharField(
                choices=[("panel", "Sharedeck"), ("outside", "External")], default="panel", max_length=10
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="state",
            field=models.CharField(
                choices=[
                    ("held", "Waiting for approval"),
                    ("waiting", "Queued"),
                    ("sending", "Sending"),
                    ("answered", "Accepted"),
                    ("tracked", "In progress"),
                    ("uncertain", "Unconfirmed"),
                    ("done", "Done"),
                    ("failed", "Failed"),
                    ("refused", "Refused"),
                    ("not_sent", "Not sent"),
                    ("released", "Not seen at the provider"),
                    ("cancelled", "Cancelled"),
                    ("declined", "Not approved"),
                ],
                default="waiting",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="plan",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "Not started"),
                    ("running", "Running"),
                    ("stopped", "Stopped at a step"),
                    ("done", "Done"),
                    ("abandoned", "Discarded"),
                ],
                default="draft",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="team",
            name="bulk_at_once",
            field=models.PositiveSmallIntegerField(
                default=8,
                validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)],
                verbose_name="at the same time",
            ),
        ),
        migrations.AlterField(
            model_name="team",
            name="grace_days",
            field=models.PositiveSmallIntegerField(
                default=7,
                validators=[django.core.validators.MaxValueValidator(30)],
                verbose_name="days to set up two-factor authentication",
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(max_length=254, unique=True, verbose_name="email address"),
        ),
        migrations.AlterField(
            model_name="vm",
            name="state",
            field=models.CharField(
                choices=[
                    ("being_created", "Creating"),
                    ("running", "Running"),
                    ("halted", "Stopped"),
                    ("paused", "Paused by the provider"),
                    ("locked", "Locked"),
                    ("invalid", "Creation failed"),
                    ("deleted", "Deleted"),
                ],
                max_length=20,
            ),
        ),
    ]
