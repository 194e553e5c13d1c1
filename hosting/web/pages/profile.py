"""Show the views of django-allauth as pages of the panel, for people who are signed in."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse

from hosting.web.access import mail_budget
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import PersonRequest, signed_in
from hosting.web.pages.render import own_shell

View = Callable[..., HttpResponseBase]


def framed(view: View, tab: str, *, sensitive: bool = True, mails: bool = False) -> View:
    """Show a view under one of the tabs of the profile (`components/own_tabs.html`).

    A `sensitive` page requires reauthentication (`access/reauthentication.py`). One whose form `mails` the person about
    what it has changed changes nothing when their mails of the day are used up (`access/mail_budget.py`).
    """

    def in_frame(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if mails and request.method == "POST" and (words := mail_budget.refuse(request)):
            messages.error(request, words)
            return HttpResponseRedirect(request.path, status=303)
        response = view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse) and not response.is_rendered:
            response.context_data = {**own_shell(request, tab), **(response.context_data or {})}
        return response

    guarded = reauthenticated(in_frame) if sensitive else in_frame
    return signed_in(guarded)


def card(view: Callable[..., HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Show a view as a page without tabs, such as the one that asks for the password again."""

    def shown(request: PersonRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    return signed_in(shown)
