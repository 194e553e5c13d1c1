"""Authentication of the JSON API: the API token in the `Authorization` header, and nothing else.

Cookies are ignored, so no other site can make a browser send a valid request, and views need no CSRF token. A token
in the address is ignored too: it would end up in logs and browser histories.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import redis
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
from hosting.web.access.origin import client_address

P = ParamSpec("P")

# Bad tokens from one address (for IPv6: one network) before the answer is 429. A valid token always works, so that
# nobody is locked out by others at the same address. A token of 256 bits can't be guessed.
_BAD_TOKENS = {"bad_api_token": "30/5m/ip"}
_WAIT_S = 300


class TokenRequest(HttpRequest):
    """A request with an API token. `member` acts, with no more permissions than the token has."""

    member: Membership


TokenView = Callable[Concatenate[TokenRequest, P], HttpResponseBase]


def with_token(view: TokenView[P]) -> Callable[..., HttpResponseBase]:
    """Decorate a view of the JSON API: sets `request.member`. The answer is 401 for any token that does not work."""

    @csrf_exempt
    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            member = token_actor(request)
        except BadTokenError:
            response: HttpResponseBase = _refused(request)
        else:
            request.member = member  # type: ignore[attr-defined]
            # Replaces the user of a session cookie.
            request.user = member.person or AnonymousUser()
            response = _answer(view, request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    return wrapper


@sensitive_variables("secret")
def token_actor(request: HttpRequest) -> Membership:
    """The member who acts with the token of a request.

    Raises:
        BadTokenError: there is no token, or it does not work.
    """
    scheme, _space, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise BadTokenError("missing")
    return actor_for(secret.strip(), address=client_address(request))


def error(status: int, code: str, detail: str) -> JsonResponse:
    """An error as JSON: a stable code for programs, and a sentence for developers."""
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
    """Count a bad token. Return whether this address may try more; always when Redis does not answer."""
    try:
        used = ratelimit.consume(request, app="sharedeck", action="bad_api_token", config=_BAD_TOKENS, limit_get=True)
    except redis.RedisError:
        return True
    return used is not None
