"""Absolute addresses of the panel. They begin with `PANEL_URL`, because a Host header is whatever its sender wrote."""

from urllib.parse import urljoin, urlsplit

from django.conf import settings


def panel_url(address: str) -> str:
    """The absolute address of a path of the panel; of an absolute address, its path, query and fragment are kept."""
    path = urlsplit(address)._replace(scheme="", netloc="").geturl()
    return urljoin(str(settings.PANEL_URL), path)
