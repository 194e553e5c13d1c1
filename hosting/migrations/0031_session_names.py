"""Sessions are stored under digests of their keys. They stay valid: cookies keep the keys."""

import contextlib

import redis
from django.core.cache import cache
from django.db import migrations

from safekeeping.sessions import digest_keys


def rename(apps, schema_editor):
    keys = digest_keys(apps.get_model("sessions", "Session"))
    digest_keys(apps.get_model("usersessions", "UserSession"))
    # What was cached under the keys would stay for a week.
    with contextlib.suppress(redis.RedisError):
        cache.delete_many(f"django.contrib.sessions.cached_db{key}" for key in keys)


class Migration(migrations.Migration):

    dependencies = [
        ("hosting", "0030_overlapping_readings"),
        ("sessions", "0001_initial"),
        ("usersessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(rename)]
