"""Logs say what failed without revealing secrets."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

from panel.environment import new_secrets

PLANTED = "plant3d-secret-of-a-form"
LINK = "1-diiclm-35f76fb36ae8695a20b6fa266a908a91"
REQUESTS = f"""
import django
django.setup()
from django.core import mail
from django.test import Client
client = Client(raise_request_exception=False, headers={{"host": "panel.example.net"}})
form = {{"password": "{PLANTED}", "next": "{PLANTED}"}}
statuses = [
    client.post("/breaks/", form).status_code,
    client.post("/breaks/?token={PLANTED}", form, headers={{"Authorization": "Bearer {PLANTED}"}}).status_code,
    client.post("/breaks/{LINK}/", form).status_code,
    client.get("/auth/password/reset/key/{LINK}/x/").status_code,
    client.get("/breaks/", headers={{"host": "evil.example"}}).status_code,
    client.get("/breaks/", headers={{"host": "evil\\"<script>.example"}}).status_code,
    client.post("/breaks/", {{str(number): "{PLANTED}" for number in range(1001)}}).status_code,
]
from panel.celery import app
import tests.security.failing
app.tasks["breaks"].apply(args=["{PLANTED}"])
print(statuses, len(getattr(mail, "outbox", [])))
"""


def run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run Python with the panel's own settings, including logging, and without test settings."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            **new_secrets(),
            "DJANGO_SETTINGS_MODULE": "tests.security.failing_settings",
            "ALLOWED_HOSTS": "panel.example.net",
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def said() -> str:
    done = run(REQUESTS)
    assert done.stdout.strip() == "[500, 500, 500, 404, 400, 400, 413] 0", done.stderr
    return done.stderr


def test_traceback_of_a_view_does_not_show_its_variables(said: str) -> None:
    assert "RuntimeError: 2 things were held" in said
    assert said.count("Traceback") == 4
    assert PLANTED not in said


def test_password_reset_links_are_masked_in_logs(said: str) -> None:
    assert "/breaks/…/" in said
    assert "Not Found: /auth/password/reset/key/…/x/" in said
    assert LINK not in said


def test_foreign_host_name_is_logged_in_one_line(said: str) -> None:
    lines = [line for line in said.splitlines() if "DisallowedHost" in line]
    assert [line.partition(":")[0] for line in lines] == ["ERROR django.security.DisallowedHost"] * 2


def test_failing_job_does_not_log_its_arguments(said: str) -> None:
    assert "breaks" in said.partition("celery")[2]
    assert PLANTED not in said
