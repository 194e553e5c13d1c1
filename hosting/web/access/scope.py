"""Who may see a page: every page has one of the decorators `signed_in`, `team_page` and `account_page`.

A team or account that the person does not belong to is a 404. A missing permission is a 403 with an explanation.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from allauth.core.internal import ratelimit
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from hosting.accounts.models import Account
from hosting.operations.models.rejection import AboveSpendingLimit
from hosting.teams.access.policy import Denial
from hosting.teams.models import Membership, User
from hosting.teams.roles import NotAllowedError
from hosting.web.access import reauthentication, refusals, team_policies
from hosting.web.access.origin import origin_of
from hosting.web.access.team_policies import Admission
from hosting.web.answers import kept_form, live

P = ParamSpec("P")

_KEPT_FORMS = {"kept_form": "20/10m/ip"}


class PersonRequest(HttpRequest):
    """A request of a signed-in person, with the memberships it may use. `admission`: which teams' policies block it."""

    user: User
    htmx: HtmxDetails
    memberships: list[Membership]
    admission: Admission


class TeamRequest(PersonRequest):
    """A request for a page of a team, by `member`."""

    member: Membership


class AccountRequest(TeamRequest):
    """A request for a page of `account`, by `member` of its team."""

    account: Account


View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
PersonView = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
TeamView = Callable[Concatenate[TeamRequest, P], HttpResponseBase]
AccountView = Callable[Concatenate[AccountRequest, P], HttpResponseBase]


def _memberships(request: HttpRequest) -> list[Membership]:
    """The person's current memberships, each as an actor of this request. One query.

    `request.memberships` is set to those whose team policies admit the request.
    """
    found = list(
        Membership.objects.current()
        .filter(user=request.user.pk)
        .select_related("team")
        .order_by("team__name", "team_id")
    )
    origin = origin_of(request)
    for member in found:
        member.user = request.user  # type: ignore[assignment]
        member.via = origin
    request.admission = team_policies.admit(request, found)  # type: ignore[attr-defined]
    request.memberships = request.admission.open  # type: ignore[attr-defined]
    return found


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Redirect to the sign-in page, which then leads back. A poll reloads the whole page instead.

    What was typed into a form is kept, for so many forms from one address.
    """
    if request.method == "POST" and ratelimit.consume(
        request, app="sharedeck", action="kept_form", config=_KEPT_FORMS, limit_get=True
    ):
        kept_form.keep(request, kept_form.Why.SIGNED_OUT)
    if request.headers.get("HX-Request"):
        return HttpResponseClientRefresh()
    return redirect_to_login(request.get_full_path(), redirect_field_name=REDIRECT_FIELD_NAME)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """Keep a response out of caches, and mark that one address serves both a page and its fragment."""
    add_never_cache_headers(response)
    patch_vary_headers(response, ["HX-Request", live.HEADER])
    return response


def signed_in(view: PersonView[P]) -> View[P]:
    """Decorate a page for anybody who is signed in: sets `request.memberships`."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        _memberships(request)
        return _answer(view, request, *args, **kwargs)

    return wrapper


def team_page(view: TeamView[P]) -> Callable[..., HttpResponseBase]:
    """Decorate a page for members of a team: sets `request.member` too."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, team_id: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        members = _memberships(request)
        return _answer_member(view, request, _member_of(request, team_id, members), *args, **kwargs)

    return wrapper


def account_page(view: AccountView[P]) -> Callable[..., HttpResponseBase]:
    """Decorate a page for members who may see an account: sets `request.account` too. Answers polls without changes."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, account_id: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if (unchanged := live.still_true(request, account_id)) is not None:
            return _private(unchanged)
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        members = _memberships(request)
        found = Account.objects.visible_to_any(members).select_related("endpoint", "info", "candidate")
        account = found.filter(pk=account_id).first()
        member = _member_of(request, account.team_id if account else None, members)
        request.account = account  # type: ignore[attr-defined]
        return _answer_member(view, request, member, *args, **kwargs)

    return wrapper


def _member_of(request: HttpRequest, team_id: int | None, members: list[Membership]) -> Membership:
    for member in members:
        if member.team_id == team_id:
            return member
    refusals.record_not_found(request)
    raise Http404


def _answer_member(
    view: Callable[..., HttpResponseBase], request: HttpRequest, member: Membership, *args: object, **kwargs: object
) -> HttpResponseBase:
    """The page, or the answer of a team policy that blocks the request."""
    request.member = member  # type: ignore[attr-defined]
    if bar := request.admission.bar_of(member):  # type: ignore[attr-defined]
        if bar is not Denial.SESSION:
            refusals.record_refusal(request, bar)
        return _private(team_policies.answer(request, member, bar))
    return _answer(view, request, *args, **kwargs)


def _answer(
    view: Callable[..., HttpResponseBase], request: HttpRequest, *args: object, **kwargs: object
) -> HttpResponseBase:
    def answer() -> HttpResponseBase:
        return view(request, *args, **kwargs)

    try:
        return _private(kept_form.shown_again(request, answer) or answer())
    except NotAllowedError as error:
        refusals.record_refusal(request, error.permission.value)
        raise PermissionDenied(error.permission.value) from error
    except Http404:
        refusals.record_not_found(request)
        raise
    except AboveSpendingLimit:
        # It will wait for approval, and the approver must be able to trust who requested it.
        return _private(reauthentication.redirect_to_confirm(request))
