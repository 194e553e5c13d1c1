"""The door of the JSON API: a request is let in by the API token in its `Authorization` header, and by nothing else.

No cookie counts here, so no other site can make a browser ask for anything: views need no CSRF token. A token in the
address would stand in logs and histories, and is not looked for.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import redis
from allauth.account.adapter import get_adapter
from allauth.core.internal import ratelimit
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.cache import add_never_cache_headers
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables

from hosting.teams.models import Membership
from hosting.teams.roles import NotAllowedError
from hosting.teams.tokens.use import BadTokenError, actor_for

P = ParamSpec("P")

# Bad tokens from one address (of IPv6: one network) before it hears "wait". A good one is let in all the same: what a
# stranger does from the same address shuts nobody out, and 256 bits are not found by trying.
_BAD_TOKENS = {"bad_api_token": "30/5m/ip"}
_WAIT_S = 300


class TokenRequest(HttpRequest):
    """A request with an API token: `member` is who acts, as far as the token leaves them."""

    member: Membership


TokenView = Callable[Concatenate[TokenRequest, P], HttpResponseBase]


def with_token(view: TokenView[P]) -> Callable[..., HttpResponseBase]:
    """A view of the JSON API: sets `request.member`. Without a token that works it is 401, whatever the reason."""

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            member = token_actor(request)
        except BadTokenError:
            response: HttpResponseBase = _refused(request)
        else:
            request.member = member  # type: ignore[attr-defined]
            # Nobody that a cookie names.
            request.user = member.person or AnonymousUser()
            response = _answer(view, request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return wrapper


@sensitive_variables("secret")
def token_actor(request: HttpRequest) -> Membership:
    """Who acts with the token of a request.

    Raises:
        BadTokenError: the request has none that works.
    """
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise BadTokenError("missing")
    return actor_for(secret.strip(), address=get_adapter().get_client_ip(request))


def error(status: int, code: str, detail: str) -> JsonResponse:
    """A refusal as programs read it: a code that stays, and a sentence for whoever writes the program."""
    return JsonResponse({"error": code, "detail": detail}, status=status)


def _answer(
    view: Callable[..., HttpResponseBase], request: HttpRequest, *args: object, **kwargs: object
) -> HttpResponseBase:
    try:
        return view(request, *args, **kwargs)
    except NotAllowedError as refusal:
        return error(403, "not_allowed", f"The token does not hold the permission “{refusal.permission}” for this.")


def _refused(request: HttpRequest) -> JsonResponse:
    given = "Authorization" in request.headers
    if given and not _may_try(request):
        response = error(429, "too_many_bad_tokens", "Too many requests with tokens that do not work. Wait a while.")
        response["Retry-After"] = str(_WAIT_S)
        return response
    response = error(401, "unauthorized", "Send an API token that works: “Authorization: Bearer sdk_…”.")
    response["WWW-Authenticate"] = 'Bearer realm="Sharedeck"' + (', error="invalid_token"' if given else "")
    return response


def _may_try(request: HttpRequest) -> bool:
    """Count a bad token. Without Redis nothing is counted, and it stays a bad token."""
    try:
        used = ratelimit.consume(request, app="sharedeck", action="bad_api_token", config=_BAD_TOKENS, limit_get=True)
    except redis.RedisError:
        return True
    return used is not None
