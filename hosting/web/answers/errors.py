"""Error pages: what happened, and what to do next.

They are rendered without the request's context, so they need neither the database nor Redis. An htmx request gets the
same text as a message, and its page stays as it is.

Decision: docs/decisions/0005-error-pages-need-nothing.md
"""

import sys
from dataclasses import dataclass

import redis
from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from hosting.teams.models import Membership
from hosting.teams.roles import PERMISSIONS, NotAllowedError, Permission, Role
from hosting.web.answers import kept_form, too_large
from hosting.web.answers.following import is_path
from hosting.web.wording.formats import plain
from hosting.web.wording.permissions import PERMISSION_WORDS

# Seconds in `Retry-After` when the panel can't reach its data: a restart takes no longer.
RETRY_AFTER_S = 30
# Longer than what people type into most fields: below, no entry alone is to blame.
_LONG_ENTRY = 1_000


@dataclass(frozen=True)
class Way:
    """The link of an error page."""

    label: str
    url: str


@dataclass(frozen=True)
class Again:
    """The form of an error page that sends once more what could not be taken, without secrets."""

    url: str
    fields: list[tuple[str, str]]


def _answer(
    request: HttpRequest, status: int, title: str, *texts: str, way: Way | None = None, again: Again | None = None
) -> HttpResponse:
    context = {
        "title": title,
        "texts": texts,
        "way": way or Way(_("Go to dashboard"), "/"),
        "again": again,
        "status": status,
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }
    template = "_error.html" if request.headers.get("HX-Request") else "error.html"
    response = HttpResponse(render_to_string(template, context), status=status)
    add_never_cache_headers(response)
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return _too_large(request, exception)
    return _answer(
        request,
        400,
        _("Invalid request"),
        _("Part of the request is missing, too large or has been altered. Go back, reload the page and try again."),
    )


def _too_large(request: HttpRequest, exception: RequestDataTooBig | TooManyFieldsSent) -> HttpResponse:
    """413: what is too large, and back to the form with what there was room for."""
    fields = kept_form.without_secrets(too_large.fields_of(request))
    way = None
    if fields and _is_from_here(request) and request.user.is_authenticated:
        kept_form.keep_what_fits(request, fields)
        way = Way(_("Back to the form"), request.get_full_path())
    if isinstance(exception, TooManyFieldsSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        words = _("The form has too many entries: at most %(most)s can be sent at once. Select fewer.")
        return _answer(request, 413, _("The form is too large"), words % {"most": plain(most)}, way=way)
    sizes = {"size": too_large.size_of(request), "most": settings.DATA_UPLOAD_MAX_MEMORY_SIZE}
    words = _("It holds %(size)s, and the panel takes at most %(most)s at once. Nothing was saved.")
    texts = [words % {name: filesizeformat(size) for name, size in sizes.items()}]
    longest = max((value.strip() for _name, value in fields), key=len, default="")
    if len(longest) > _LONG_ENTRY:
        words = _("Its longest entry holds %(size)s and begins with “%(start)s…”. Shorten it.")
        size = filesizeformat(len(longest.encode()))
        texts.append(words % {"size": size, "start": " ".join(longest[:40].split())})
    return _answer(request, 413, _("The form is too large"), *texts, way=way)


def _is_from_here(request: HttpRequest) -> bool:
    """Whether the browser says that a page of the panel has sent this."""
    return request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """403: which permission is missing, which roles have it, and who can change the person's role."""
    title = _("You don't have permission")
    account = getattr(request, "account", None)
    way = None
    if account is not None:
        way = Way(_("Go to %(label)s") % {"label": account.label}, reverse("dashboard", args=[account.pk]))
    try:
        permission = Permission(str(exception))
    except ValueError:
        return _answer(request, 403, title, _("Your role doesn't allow this. Ask an owner of the team."), way=way)
    if _is_narrowed(exception):
        return _answer(
            request,
            403,
            title,
            _("Your role lets you %(what)s, but only in other accounts of the team.")
            % {"what": PERMISSION_WORDS[permission]},
            _ask_whom(request),
            way=way,
        )
    roles = [str(role.label) for role in Role if permission in PERMISSIONS[role]]
    return _answer(
        request,
        403,
        title,
        _("Your role doesn't have permission to %(what)s.") % {"what": PERMISSION_WORDS[permission]},
        _("Roles with this permission: %(roles)s.") % {"roles": ", ".join(roles)},
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
        _("Your network isn't allowed"),
        _("Your request came from %(address)s. %(team)s only allows access from its own networks.")
        % {"address": member.via.address, "team": member.team.name},
        _("Connect from one of these networks, or ask an owner to add yours: %(people)s.")
        % {"people": get_text_list(names, _("or"))}
        if names
        else _("Connect from one of these networks."),
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
    """403: the form is not from this session. What a person typed into a page of the panel itself is kept."""
    texts = [_("You may have signed in or out in another tab. Nothing was changed.")]
    way = None
    if _is_from_here(request) and request.user.is_authenticated:
        kept_form.keep(request, kept_form.Why.EXPIRED)
        way = Way(_("Back to the form"), request.get_full_path())
    else:
        texts.append(_("Go back, reload the page and submit the form again."))
    return _answer(request, 403, _("This form has expired"), *texts, way=way)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _answer(
        request,
        404,
        _("Page not found"),
        _("The address is wrong, the object was deleted, or it belongs to a team that you aren't a member of."),
        _("Search by name, or go to the dashboard."),
    )


def not_allowed(request: HttpRequest, allowed: str) -> HttpResponse:
    """405: the address does not accept this method, such as opening one that only takes a form."""
    response = _answer(
        request,
        405,
        _("This address can't be opened directly"),
        _("Go back and use the button on the page, or go to the dashboard. Nothing was changed."),
    )
    response["Allow"] = allowed
    return response


def too_many(request: HttpRequest) -> HttpResponse:
    return _answer(
        request,
        429,
        _("Too many attempts"),
        _("Wait a few minutes, then try again. This also applies to other people on your network."),
        way=Way(_("Back to sign-in"), reverse("account_login")),
    )


def failed(request: HttpRequest) -> HttpResponse:
    """500, or 503 when the database or Redis does not answer."""
    if isinstance(sys.exc_info()[1], redis.RedisError | OperationalError | InterfaceError | InternalError):
        return unavailable(request)
    return _answer(
        request,
        500,
        _("Something went wrong"),
        _("The error was logged for the administrator of this panel."),
        _("Your operation may not have been saved. Check the list of operations before you try again."),
    )


def _again(request: HttpRequest) -> Again | None:
    """What the person typed, to be sent once more from the error page. Sign-in pages have nothing but secrets."""
    here = request.get_full_path()
    if request.path.startswith("/auth/") or not is_path(here):
        return None
    token = request.POST.get("csrfmiddlewaretoken", "")
    return Again(here, [("csrfmiddlewaretoken", token), *kept_form.fields_of(request)])


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: the panel cannot reach its database or Redis."""
    what_now = (
        _("Wait half a minute, then try again. Your servers are not affected.")
        if request.method in {"GET", "HEAD"} or request.path.startswith("/auth/")
        else _("Wait half a minute, then check the list of operations before you try again.")
    )
    way, again = Way(_("Try again"), request.path if is_path(request.path) else "/"), None
    if request.method not in {"GET", "HEAD"}:
        way, again = Way(_("Go to dashboard"), "/"), _again(request)
    response = _answer(
        request,
        503,
        _("The panel can't save changes right now"),
        _("The database or the session store isn't responding, or is read-only."),
        what_now,
        way=way,
        again=again,
    )
    response["Retry-After"] = str(RETRY_AFTER_S)
    return response
