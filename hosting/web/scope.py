"""Who asks, and for which account: every page goes through one of these decorators.

A stranger's account does not exist for them (404). What a role lacks is a 403 in the panel's look.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.cache import add_never_cache_headers, patch_vary_headers
from django_htmx.http import HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from hosting.accounts.models import Account
from hosting.teams.models import Membership, User
from hosting.teams.roles import NotAllowedError
from hosting.web import live

P = ParamSpec("P")


class PersonRequest(HttpRequest):
    """A request of somebody who is signed in."""

    user: User
    htmx: HtmxDetails


class AccountRequest(PersonRequest):
    """A request for a page of `account` by `member` of its team."""

    member: Membership
    account: Account


View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
PersonView = Callable[Concatenate[PersonRequest, P], HttpResponseBase]
AccountView = Callable[Concatenate[AccountRequest, P], HttpResponseBase]


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Anonymous: to the sign-in page, which then leads back. A poll reloads its page instead of swapping a form in."""
    if request.headers.get("HX-Request"):
        return HttpResponseClientRefresh()
    following = request.get_full_path() if request.method == "GET" else "/"
    return redirect_to_login(following, redirect_field_name=REDIRECT_FIELD_NAME)


def _private(response: HttpResponseBase) -> HttpResponseBase:
    """One address gives a page or its fragment, and neither belongs in a cache."""
    add_never_cache_headers(response)
    patch_vary_headers(response, ["HX-Request", live.HEADER])
    return response


def signed_in(view: PersonView[P]) -> View[P]:
    """A page for anybody who is signed in."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        try:
            return _private(view(request, *args, **kwargs))  # type: ignore[arg-type]
        except NotAllowedError as error:
            raise PermissionDenied(error.permission.value) from None

    return wrapper


def account_page(view: AccountView[P]) -> Callable[..., HttpResponseBase]:
    """A page of an account: sets `request.account` and `request.member`, and answers polls when nothing moved."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, account_id: int, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if (unchanged := live.still_true(request, account_id)) is not None:
            return _private(unchanged)
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        member = Membership.objects.select_related("team").filter(user=request.user, team__accounts=account_id).first()
        if member is None:
            raise Http404
        member.user = request.user
        request.member = member  # type: ignore[attr-defined]
        request.account = get_object_or_404(  # type: ignore[attr-defined]
            Account.objects.visible_to(member).select_related("endpoint", "info", "candidate"), pk=account_id
        )
        try:
            return _private(view(request, *args, **kwargs))  # type: ignore[arg-type]
        except NotAllowedError as error:
            raise PermissionDenied(error.permission.value) from None

    return wrapper
