"""Live pages: a poll sends the version that its page shows. If nothing has changed, the answer costs three Redis reads.

The version is signed for its reader and account, so that nobody can probe the accounts of other teams.
"""

import time
from datetime import timedelta

from django.contrib.auth import SESSION_KEY
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse

from hosting.accounts import pulse, versions
from hosting.accounts.pulse import Silence
from hosting.inventory import progress
from hosting.inventory.progress import Progress

HEADER = "X-Sharedeck-Version"
# A page without changes is rendered again after this time, so that people who lost access don't keep seeing it.
LONGEST = timedelta(minutes=5)
# The ages of lists, details and account data (`inventory.ages`), so that a page without changes can move them.
AGES_HEADER = "X-Sharedeck-Ages"


def _signer(user_id: object, account_id: int) -> Signer:
    return Signer(salt=f"live/{user_id}/{account_id}")


def token(
    user_id: int,
    account_id: int,
    version: int,
    *,
    silence: Silence | None,
    importing: bool,
    import_: Progress | None,
    renew_after: timedelta = LONGEST,
) -> str:
    """The token of a page of `account_id`: the version that it shows, signed for one reader.

    It includes what the page says about silent workers, and during the first import the progress. `renew_after`: when
    the page is rendered again even if nothing has changed.
    """
    until = int(time.time() + renew_after.total_seconds())
    shown = f"{version}/{_what(silence)}/{_how_far(import_) if importing else '-'}/{until}"
    return _signer(user_id, account_id).sign(shown)


def _what(silence: Silence | None) -> str:
    return silence.what if silence else ""


def _how_far(import_: Progress | None) -> str:
    return f"{import_.done}-{import_.total}" if import_ else ""


def silence_shown(request: HttpRequest, account_id: int) -> str | None:
    """What the page of a poll says to be silent, empty for nothing; None for any other request: it is unknown."""
    shown = _shown(request, account_id)
    return shown[1] if shown else None


def _shown(request: HttpRequest, account_id: int) -> tuple[str, str, str] | None:
    """The version, the silence and the progress that the page of a poll shows; None for any other request."""
    token = request.headers.get(HEADER)
    user_id = request.session.get(SESSION_KEY) if token else None
    if not token or not user_id:
        return None
    try:
        version, silence, how_far, until = _signer(user_id, account_id).unsign(token).split("/")
        is_over = time.time() >= int(until)
    except (BadSignature, ValueError):
        return None
    return None if is_over else (version, silence, how_far)


def still_true(request: HttpRequest, account_id: int) -> HttpResponse | None:
    """The answer (204) to a poll of a page that has not changed; None for any other request.

    No SQL: the session, the version and the progress of an import are in Redis.
    """
    if request.method != "GET" or not (shown := _shown(request, account_id)):
        return None
    version, silence, how_far = shown
    seen = versions.current(account_id)
    if str(seen.version) != version or _what(pulse.silence()) != silence:
        return None
    if how_far != "-" and _how_far(progress.current(account_id)) != how_far:
        return None
    return HttpResponse(status=204, headers={AGES_HEADER: seen.ages} if seen.ages else None)
