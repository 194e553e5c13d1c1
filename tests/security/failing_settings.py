"""The panel's settings with the URLs of `failing`, without collected static files."""

from panel.settings import *  # noqa: F403

ROOT_URLCONF = "tests.security.failing"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
