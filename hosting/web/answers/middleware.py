"""What is the same for every answer of the panel."""

from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseNotAllowed
from django.utils import timezone
from django.utils.cache import add_never_cache_headers

from hosting.web.answers import errors

Handler = Callable[[HttpRequest], HttpResponseBase]


# Of what a page may ask of its browser, the panel needs passkeys and, for its copy buttons, the clipboard.
_SWITCHED_OFF = (
    "accelerometer",
    "autoplay",
    "camera",
    "display-capture",
    "encrypted-media",
    "fullscreen",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "picture-in-picture",
    "screen-wake-lock",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
_NEEDED = ("publickey-credentials-create", "publickey-credentials-get", "clipboard-write")
HEADERS = {
    "Permissions-Policy": ", ".join(
        [*(f"{name}=()" for name in _SWITCHED_OFF), *(f"{name}=(self)" for name in _NEEDED)]
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    # Django's own middleware sets these, but not where it refuses a request itself.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def headers(get_response: Handler) -> Handler:
    """What browsers must know of every answer: pages, files, redirects and errors."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # Whoever has the computer next must not find pages of whoever signed out.
        if response.get("Content-Type", "").startswith("text/html") and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return middleware


def error_pages(get_response: Handler) -> Handler:
    """Django's views say 405 with an empty page: a person gets one with words."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return errors.not_allowed(request, response["Allow"])
        return response

    return middleware


def viewer_zone(get_response: Handler) -> Handler:
    """Times are written in the zone of the computer that asks, as its cookie names it (`zone.js`): without one, in the
    panel's own.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        name = request.COOKIES.get("zone", "")
        if name not in _zones():
            return get_response(request)
        with timezone.override(name):
            return get_response(request)

    return middleware


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def nonce_of_page(request: HttpRequest) -> dict[str, object]:
    """What scripts and style sheets of this one page carry, so that browsers load them (a context processor)."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}
