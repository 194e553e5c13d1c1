"""Live pages: a page tells the version that it shows, and learns for the price of two Redis reads that nothing moved.

What a page shows is signed for its reader and its account, so that nobody can probe another team's accounts.
"""

from django.contrib.auth import SESSION_KEY
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse

from hosting.accounts import versions

HEADER = "X-Sharedeck-Version"
# When the account was last read: a page on which nothing moved is younger for it.
READ_HEADER = "X-Sharedeck-Read"


def _signer(user_id: object, account_id: int) -> Signer:
    return Signer(salt=f"live/{user_id}/{account_id}")


def token(user_id: int, account_id: int, version: int) -> str:
    """What a page of `account_id` carries: the version it shows, signed for one reader."""
    return _signer(user_id, account_id).sign(str(version))


def still_true(request: HttpRequest, account_id: int) -> HttpResponse | None:
    """The answer to a poll of a page that is still true; None for any other request.

    No SQL: the session and the version are in Redis.
    """
    shown = request.headers.get(HEADER)
    user_id = request.session.get(SESSION_KEY) if shown else None
    if request.method != "GET" or not shown or not user_id:
        return None
    try:
        version = int(_signer(user_id, account_id).unsign(shown))
    except BadSignature:
        return None
    seen = versions.current(account_id)
    if seen.version != version:
        return None
    return HttpResponse(status=204, headers={READ_HEADER: seen.read_at} if seen.read_at else None)
