"""Pages about oneself: django-allauth's views, asked for by who is signed in, in the frame of the panel."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import PersonRequest, signed_in
from hosting.web.pages.render import own_shell

View = Callable[..., HttpResponseBase]


def framed(view: View, tab: str, *, sensitive: bool = True) -> View:
    """A page under one of the tabs of "Your account" (`components/own_tabs.html`); `sensitive`: see `proof`."""

    def in_frame(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse) and not response.is_rendered:
            response.context_data = {**own_shell(request, tab), **(response.context_data or {})}
        return response

    guarded = reauthenticated(in_frame) if sensitive else in_frame
    return signed_in(guarded)


def card(view: Callable[..., HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """A page of its own for who is signed in, such as the one that asks for the password again."""

    def shown(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    return signed_in(shown)
