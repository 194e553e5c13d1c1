"""The panel's settings with the addresses of `failing`, without static files that somebody must have collected."""

from panel.settings import *  # noqa: F403

ROOT_URLCONF = "tests.security.failing"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
