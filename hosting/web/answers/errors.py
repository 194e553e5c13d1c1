"""Error pages: what happened, and what to do next.

They are rendered without the request's context, so they need neither the database nor Redis. An htmx request gets the
same text as a message, and its page stays as it is.
"""

import sys
from dataclasses import dataclass

import redis
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from hosting.teams.models import Membership
from hosting.teams.roles import PERMISSIONS, NotAllowedError, Permission, Role
from hosting.web.wording.permissions import PERMISSION_WORDS

# Seconds in `Retry-After` when the panel can't reach its data: a restart takes no longer.
RETRY_AFTER_S = 30


@dataclass(frozen=True)
class Way:
    """The link of an error page."""

    label: str
    url: str


def _answer(request: HttpRequest, status: int, title: str, *texts: str, way: Way | None = None) -> HttpResponse:
    context = {
        "title": title,
        "texts": texts,
        "way": way or Way(_("To the panel"), "/"),
        "status": status,
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }
    template = "_error.html" if request.headers.get("HX-Request") else "error.html"
    response = HttpResponse(render_to_string(template, context), status=status)
    add_never_cache_headers(response)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request,
        400,
        _("That request makes no sense"),
        _("Something in it is missing, too large or altered. Go back, reload the page, and try again."),
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: which permission is missing, which roles have it, and who can change the person's role."""
    title = _("You may not do that")
    account = getattr(request, "account", None)
    way = None
    if account is not None:
        way = Way(_("To %(label)s") % {"label": account.label}, reverse("dashboard", args=[account.pk]))
    try:
        permission = Permission(str(exception))
    except ValueError:
        return _answer(request, 403, title, _("Your role does not allow it. Ask an owner of the team."), way=way)
    if _is_narrowed(exception):
        return _answer(
            request,
            403,
            title,
            _("Your role allows to %(what)s, but it holds for other accounts of the team.")
            % {"what": PERMISSION_WORDS[permission]},
            _ask_whom(request),
            way=way,
        )
    roles = [str(role.label) for role in Role if permission in PERMISSIONS[role]]
    return _answer(
        request,
        403,
        title,
        _("It needs the permission to %(what)s, and your role does not have it.")
        % {"what": PERMISSION_WORDS[permission]},
        _("Roles that have it: %(roles)s.") % {"roles": ", ".join(roles)},
        _ask_whom(request),
        way=way,
    )


def _is_narrowed(exception: Exception | None) -> bool:
    cause = exception.__cause__ if exception else None
    return isinstance(cause, NotAllowedError) and cause.narrowed


def wrong_network(request: HttpRequest, member: Membership) -> HttpResponse:
    """403: the team allows only its own networks, and `member` came from another one."""
    owners = Membership.objects.current().filter(
        team=member.team_id, role__in=[role for role in Role if Permission.MANAGE_POLICIES in PERMISSIONS[role]]
    )
    names = sorted({str(each.user) for each in owners.exclude(pk=member.pk).select_related("user")[:5]})
    return _answer(
        request,
        403,
        _("Not from this network"),
        _("Your request came from %(address)s. %(team)s opens its pages from its own networks only.")
        % {"address": member.via.address, "team": member.team.name},
        _("Come back from one of them, or ask an owner to add yours: %(people)s.")
        % {"people": get_text_list(names, _("or"))}
        if names
        else _("Come back from one of them."),
    )


def _ask_whom(request: HttpRequest) -> str:
    """Who can change a role, by name: people know the names of their colleagues better than their roles."""
    member: Membership | None = getattr(request, "member", None)
    givers = [role for role in Role if Permission.MANAGE_PEOPLE in PERMISSIONS[role]]
    people = Membership.objects.current().filter(role__in=givers, narrowed=False).exclude(user=request.user.pk)
    mine = [member] if member is not None else getattr(request, "memberships", [])
    people = people.filter(team__in=[each.team_id for each in mine]).select_related("user")
    names = sorted({str(each.user) for each in people[:5]})
    if not names:
        return _("Ask an owner of the team.")
    return _("Ask an owner of the team to change your role: %(people)s.") % {"people": get_text_list(names, _("or"))}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return _answer(
        request,
        403,
        _("This form is out of date"),
        _("You have probably signed in or out in another tab. Nothing was done."),
        _("Go back, reload the page, and send it again."),
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request,
        404,
        _("There is nothing here"),
        _("The address is wrong, the object is gone, or it belongs to a team that you are not in."),
        _("Search for it by its name, or begin at the panel."),
    )


def not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """405: the address does not accept this method, such as opening one that only takes a form."""
    response = _answer(
        request,
        405,
        _("This address can't be opened like that"),
        _("It belongs to a button. Go back and press that, or begin at the panel. Nothing was done."),
    )
    response["Allow"] = allowed
    return response


def too_many(request: HttpRequest) -> HttpResponse:
    return _answer(
        request,
        429,
        _("Too many attempts"),
        _("Wait a few minutes, then try again. Others who sign in from your network wait as well."),
        way=Way(_("Back to signing in"), reverse("account_login")),
    )


def failed(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the database or Redis does not answer."""
    if isinstance(sys.exc_info()[1], redis.RedisError | OperationalError | InterfaceError | InternalError):
        return unavailable(request)
    return _answer(
        request,
        500,
        _("Something went wrong here"),
        _("It was written to the log; whoever runs this panel can read there what it was."),
        _("What you asked for may not have been saved: look at the list of operations before you ask again."),
    )


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: the panel cannot reach its database or Redis."""
    what_now = (
        _("Wait half a minute, then try again. Your servers are not affected.")
        if request.method in {"GET", "HEAD"} or request.path.startswith("/auth/")
        else _("Wait half a minute, then look at the list of operations before you ask again.")
    )
    again = request.path if request.method in {"GET", "HEAD"} else "/"
    response = _answer(
        request,
        503,
        _("The panel can't save anything right now"),
        _("Its database or its session store does not answer, or takes no changes."),
        what_now,
        way=Way(_("Try again"), again),
    )
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response
