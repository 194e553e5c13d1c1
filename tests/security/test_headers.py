"""Security headers of every response: framing, scripts, MIME sniffing and referrers."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as now
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from hosting.accounts.models import Account
from hosting.web.answers.middleware import HEADERS
from panel.environment import new_secrets
from tests import factories
from tests.web.browsing import Page

POLICY = {
    "default-src": "'none'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def check(what: str, response: Any) -> None:
    """Check that the response has every security header."""
    policy = dict(part.strip().partition(" ")[::2] for part in response["Content-Security-Policy"].split(";"))
    for directive in ("script-src", "style-src"):
        # Of an answer that names none, none.
        assert re.fullmatch(r"('nonce-[A-Za-z0-9+/=]{24}')?", policy.pop(directive)), what
    assert policy == POLICY, what
    assert response["X-Frame-Options"] == "DENY", what
    assert response["X-Content-Type-Options"] == "nosniff", what
    assert response["Referrer-Policy"] == "same-origin", what
    assert response["Cross-Origin-Opener-Policy"] == "same-origin", what
    assert response["Cross-Origin-Resource-Policy"] == "same-origin", what
    assert "camera=()" in response["Permissions-Policy"], what
    assert "publickey-credentials-get=(self)" in response["Permissions-Policy"], what
    assert "Access-Control-Allow-Origin" not in response, what


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The panel's settings behind a TLS proxy."""
    monkeypatch.setenv("HTTPS", "1")
    return runpy.run_path(str(Path(now.BASE_DIR) / "panel" / "settings.py"))


def test_every_page_forbids_framing_foreign_scripts_and_caching(browser: Client, pages: list[Page]) -> None:
    for page in pages:
        response = browser.post(page.url) if page.posts else browser.get(page.url)
        check(page.name, response)
        # Whoever has the computer next must not find pages of whoever signed out.
        if response.get("Content-Type", "").startswith("text/html"):
            assert "no-store" in response["Cache-Control"], page.name


def test_every_kind_of_response_has_the_security_headers(
    browser: Client, account: Account, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser.raise_request_exception = False
    vm = factories.vm(account)
    server = reverse("server", args=[account.pk, vm.remote_id])
    answers = {
        "health": (browser.get("/health"), 200),
        "a part of a page": (browser.get(server, headers={"HX-Request": "true"}), 200),
        "a file": (browser.get(reverse("servers", args=[account.pk]) + "?format=csv"), 200),
        "after a change": (browser.post(reverse("server_stop", args=[account.pk, vm.remote_id])), 303),
        "a form with errors": (browser.post(reverse("disk_new", args=[account.pk]), {"name": ""}), 422),
        "another language": (browser.post("/language/setlang/", {"language": "fr", "next": "/"}), 302),
        "to sign in": (Client().get(server), 302),
        "an address without its slash": (browser.get(server.rstrip("/")), 301),
        "not found": (browser.get("/nothing/"), 404),
        "not like that": (browser.get(reverse("refresh", args=[account.pk])), 405),
        "no host of ours": (browser.get("/", headers={"Host": "evil.example"}), 400),
        "a form of another site": (Client(enforce_csrf_checks=True).post("/auth/login/"), 403),
    }
    monkeypatch.setattr("hosting.web.views.dashboard.render_page", None, raising=False)
    answers["an error"] = (browser.get(reverse("dashboard", args=[account.pk])), 500)
    settings.SECURE_SSL_REDIRECT = True
    plain = Client()
    answers["to HTTPS"] = (plain.get("/"), 301)
    answers["to HTTPS, no host of ours"] = (plain.get("/", headers={"Host": "evil.example"}), 400)
    for what, (response, status) in answers.items():
        assert response.status_code == status, what
        check(what, response)


def test_static_files_have_the_security_headers(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.js").write_text("1")
    settings.STATIC_ROOT = str(tmp_path / "static")
    response = Client().get("/static/a.js")
    assert b"".join(response.streaming_content) == b"1"  # type: ignore[attr-defined]
    check("a.js", response)


def test_cookies_are_httponly_secure_and_same_site(db: None, settings: Settings, production: dict[str, Any]) -> None:
    names = [name for name in production if "COOKIE" in name or name.startswith("SECURE_")]
    for name in names:
        setattr(settings, name, production[name])
    person = factories.user()
    person.set_password(factories.PASSWORD)
    person.save()
    client = Client()
    client.get("/auth/login/", secure=True)
    response = client.post("/auth/login/", {"login": person.email, "password": factories.PASSWORD}, secure=True)
    assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    client.post("/language/setlang/", {"language": "fr"}, secure=True)
    assert {"__Host-sessionid", "__Host-csrftoken", "django_language"} <= client.cookies.keys()
    for name, cookie in client.cookies.items():
        assert cookie["secure"], name
        assert cookie["httponly"], name
        assert cookie["samesite"] == "Lax", name
        assert cookie["path"] == "/" or not name.startswith("__Host-"), name
        assert not cookie["domain"], name


def test_health_works_over_http_but_pages_redirect_to_tls(
    db: None, settings: Settings, production: dict[str, Any]
) -> None:
    for name in (name for name in production if name.startswith("SECURE_")):
        setattr(settings, name, production[name])
    assert Client().get("/health").status_code == 200
    assert Client().get("/")["Location"] == "https://testserver/"
    assert Client().get("/", headers={"X-Forwarded-Proto": "https"}).status_code == 302


def test_permissions_policy_lists_each_feature_once() -> None:
    names = re.findall(r"([a-z-]+)=", HEADERS["Permissions-Policy"])
    assert len(names) == len(set(names))


PRODUCTION = {
    "HTTPS": "1",
    "ALLOWED_HOSTS": "panel.example.net",
    "EMAIL_URL": "smtp+tls://panel:secret@mail.example.net:587",
}


def test_django_deploy_check_passes_for_production_settings() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=now.BASE_DIR,
        env={**os.environ, **new_secrets(), **PRODUCTION},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
