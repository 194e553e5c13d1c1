"""Addresses of the people that there are count as theirs, and sessions that are under way come onto the list."""

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import migrations
from django.utils import timezone

# Where a session from before came from was not written down.
NOWHERE = "0.0.0.0"  # noqa: S104


def trust_addresses(apps, schema_editor):
    User = apps.get_model("hosting", "User")
    EmailAddress = apps.get_model("account", "EmailAddress")
    known = set(EmailAddress.objects.values_list("user_id", flat=True))
    EmailAddress.objects.bulk_create(
        (
            EmailAddress(user_id=pk, email=email.lower(), verified=True, primary=True)
            for pk, email in User.objects.order_by("pk").values_list("pk", "email")
            if pk not in known
        ),
        # Two people whose addresses differ by capitals alone: the first one has it.
        ignore_conflicts=True,
    )


def list_sessions(apps, schema_editor):
    people = set(apps.get_model("hosting", "User").objects.values_list("pk", flat=True))
    UserSession = apps.get_model("usersessions", "UserSession")
    found = []
    for session in apps.get_model("sessions", "Session").objects.filter(expire_date__gt=timezone.now()).iterator():
        person = str(SessionStore().decode(session.session_data).get("_auth_user_id", ""))
        if person.isdigit() and int(person) in people:
            found.append(UserSession(user_id=int(person), session_key=session.session_key, ip=NOWHERE, user_agent=""))
    UserSession.objects.bulk_create(found, ignore_conflicts=True)


class Migration(migrations.Migration):

    dependencies = [
        ("hosting", "0017_ceilings"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunPython(trust_addresses, migrations.RunPython.noop),
        migrations.RunPython(list_sessions, migrations.RunPython.noop),
    ]
