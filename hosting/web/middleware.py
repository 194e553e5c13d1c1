"""What is the same for every answer of the panel."""

from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseNotAllowed
from django.utils import timezone

from hosting.web import errors

Handler = Callable[[HttpRequest], HttpResponseBase]


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
