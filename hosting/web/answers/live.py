"""Live pages: a poll sends the version that its page shows. If nothing has changed, the answer costs two Redis reads.

The version is signed for its reader and account, so that nobody can probe the accounts of other teams.
"""

from datetime import timedelta

from django.contrib.auth import SESSION_KEY
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse

from hosting.accounts import versions
from hosting.inventory import progress
from hosting.inventory.progress import Progress

HEADER = "X-Sharedeck-Version"
# A page without changes is rendered again after this time, so that people who lost access don't keep seeing it.
_LONGEST = timedelta(minutes=5)
# The ages of lists, details and account data (`inventory.ages`), so that a page without changes can move them.
AGES_HEADER = "X-Sharedeck-Ages"


def _signer(user_id: object, account_id: int) -> TimestampSigner:
    return TimestampSigner(salt=f"live/{user_id}/{account_id}")


def token(user_id: int, account_id: int, version: int, *, importing: bool, import_: Progress | None) -> str:
    """The token of a page of `account_id`: the version that it shows, signed for one reader.

    During the first import it includes the progress.
    """
    shown = f"{version}/{_how_far(import_)}" if importing else str(version)
    return _signer(user_id, account_id).sign(shown)


def _how_far(import_: Progress | None) -> str:
    return f"{import_.done}-{import_.total}" if import_ else ""


def still_true(request: HttpRequest, account_id: int) -> HttpResponse | None:
    """The answer (204) to a poll of a page that has not changed; None for any other request.

    No SQL: the session, the version and the progress of an import are in Redis.
    """
    shown = request.headers.get(HEADER)
    user_id = request.session.get(SESSION_KEY) if shown else None
    if request.method != "GET" or not shown or not user_id:
        return None
    try:
        version, is_importing, how_far = _signer(user_id, account_id).unsign(shown, max_age=_LONGEST).partition("/")
    except BadSignature:
        return None
    seen = versions.current(account_id)
    if str(seen.version) != version:
        return None
    if is_importing and _how_far(progress.current(account_id)) != how_far:
        return None
    return HttpResponse(status=204, headers={AGES_HEADER: seen.ages} if seen.ages else None)
