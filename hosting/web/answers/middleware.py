"""Middleware for all responses: headers, error pages and the reader's time zone."""

from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.functional import SimpleLazyObject

from hosting.accounts import pulse
from hosting.web.answers import errors, kept_form

Handler = Callable[[HttpRequest], HttpResponseBase]


# Browser features: the panel needs passkeys and, for its copy buttons, the clipboard. All others are disabled.
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
    """Set the security headers of every response: pages, files, redirects and errors."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        # After a sign-out, the next user of the computer must not find pages in the cache.
        if response.get("Content-Type", "").startswith("text/html") and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response

    return middleware


def error_pages(get_response: Handler) -> Handler:
    """Replace Django's empty 405 response with an error page."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            if request.method == "GET" and (kept := kept_form.page_of(request)):
                # Whoever was signed out pressed a button here, which has no page of its own.
                shown, said = kept
                messages.warning(request, said)
                return HttpResponseRedirect(shown)
            page = errors.not_allowed(request, response["Allow"])
            # The same response: Django has written a line about it already.
            response.content = page.content
            for name, value in page.items():
                response[name] = value
        return response

    return middleware


def viewer_zone(get_response: Handler) -> Handler:
    """Show times in the zone that the browser's cookie names (`zone.js`); without one, in the panel's own."""

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
    """The CSP nonce for the scripts and style sheets of a page (a context processor)."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


def silence(request: HttpRequest) -> dict[str, object]:
    """Since when nothing is sent or read (a context processor). It is read once a page, by those that say so."""
    return {"silence": SimpleLazyObject(pulse.silence)}
