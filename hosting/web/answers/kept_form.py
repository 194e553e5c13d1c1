"""What somebody typed into a form that could not be taken, because they had been signed out or must first confirm who
they are. It waits in their session until the form is open again, with every field but secrets.

The form is shown by its own view, as after a wrong entry: the view gets the kept values as if they had been posted,
inside a transaction that is always rolled back, and every form counts as invalid meanwhile (`problem`). So nothing
can be carried out in this way, whatever the view does.

Decision: docs/decisions/0036-typed-values-are-kept.md
"""

import re
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from hosting.teams.roles import NotAllowedError
from hosting.web.answers.following import shown_page

_KEY = "kept_form"
# Longer ones are not kept: whoever is signed out can fill no database.
_LONGEST = 20_000
_KEPT_S = 30 * 60
# Scripts may hold secrets, and who pastes a private key for a public one must not find it kept.
_SECRET = re.compile("password|secret|code|token|again|credential|user_data|public_key", re.IGNORECASE)
# Of a secret that its form may do without, it is kept that there was one: this ends the name of that field.
LOST = "_lost"
_OPTIONAL_SECRETS = ("user_data",)


class Why(StrEnum):
    """Why a form could not be taken."""

    SIGNED_OUT = "signed_out"
    UNPROVEN = "unproven"
    EXPIRED = "expired"
    TOO_LARGE = "too_large"


_why: ContextVar[Why | None] = ContextVar("why_a_form_is_shown_again", default=None)


def words(why: Why) -> str:
    """What happened, for the person."""
    match why:
        case Why.SIGNED_OUT:
            return _("You were signed out; nothing was sent.")
        case Why.UNPROVEN:
            return _("You had to confirm it's you; nothing was sent.")
        case Why.TOO_LARGE:
            return _("The form was too large; nothing was sent. The longest entries were cut.")
    return _("The form had expired; nothing was sent.")


def problem() -> str:
    """The error above a form that is shown again; empty for all others."""
    why = _why.get()
    if why is None:
        return ""
    what_now = _("Check your entries, enter passwords again, and submit the form.")
    return f"{words(why)} {what_now}"


def fields_of(request: HttpRequest) -> list[tuple[str, str]]:
    """What was typed, field by field, without secrets."""
    return without_secrets((name, str(value)) for name, values in request.POST.lists() for value in values)


def without_secrets(fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The fields that hold no secret, by their names; and which secrets would go unnoticed if they were left out."""
    kept = []
    for name, value in fields:
        if name in _OPTIONAL_SECRETS and value.strip():
            kept.append((f"{name}{LOST}", "1"))
        elif not _SECRET.search(name) or name.endswith(LOST):
            kept.append((name, value))
    return kept


def keep(request: HttpRequest, why: Why) -> None:
    """Keep what this request posts until its form is open again."""
    fields = fields_of(request)
    _keep(request, why, fields if sum(len(name) + len(value) for name, value in fields) <= _LONGEST else [])


def keep_what_fits(request: HttpRequest, fields: list[tuple[str, str]]) -> None:
    """Keep of a form that was too large what there is room for: short entries, and the beginnings of long ones."""
    fields, left = without_secrets(fields), _LONGEST
    kept: dict[int, tuple[str, str]] = {}
    for place, (name, value) in sorted(enumerate(fields), key=lambda each: len(each[1][1])):
        if len(name) > left:
            break
        kept[place] = (name, value[: left - len(name)])
        left -= sum(map(len, kept[place]))
    _keep(request, Why.TOO_LARGE, [kept[place] for place in sorted(kept)])


def _keep(request: HttpRequest, why: Why, fields: list[tuple[str, str]]) -> None:
    request.session[_KEY] = {
        "path": request.get_full_path(),
        "page": shown_page(request, "/"),
        "fields": fields,
        "why": why,
        "at": int(time.time()),
    }


def page_of(request: HttpRequest) -> tuple[str, str] | None:
    """Where the person was, and what happened, if something was posted to this address that has no page of its own.
    It is forgotten.
    """
    kept = _kept(request)
    if kept is None:
        return None
    del request.session[_KEY]
    return str(kept["page"]), words(Why(kept["why"]))


def shown_again(request: HttpRequest, view: Callable[[], HttpResponseBase]) -> HttpResponseBase | None:
    """The page with the form as it was left; None when nothing was kept for it, or the page is another one by now."""
    kept = _kept(request)
    if request.method != "GET" or kept is None:
        if kept is not None and request.method == "POST":
            del request.session[_KEY]
        return None
    shown = _why.set(Why(kept["why"]))
    request.method, request.POST = "POST", QueryDict(urlencode(kept["fields"]))
    try:
        with transaction.atomic():
            response = view()
            transaction.set_rollback(True)
    except (NotAllowedError, PermissionDenied, Http404):
        return None
    finally:
        request.method, request.POST = "GET", QueryDict()
        _why.reset(shown)
    if response.status_code == 422:
        response.status_code = 200
        return response
    # A page without fields, or one that has changed: the button is to be pressed again.
    del request.session[_KEY]
    messages.warning(request, words(Why(kept["why"])))
    return None


def _kept(request: HttpRequest) -> dict[str, Any] | None:
    """What was kept of a form at this address, not long ago."""
    kept = request.session.get(_KEY)
    if not kept or kept["path"] != request.get_full_path() or kept["at"] < time.time() - _KEPT_S:
        return None
    return dict(kept)
