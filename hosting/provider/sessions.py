"""Sessions of the API: opaque random ids, good for `PROVIDER_SESSION_SECONDS`, stored as digests only."""

import hashlib
import secrets
import time
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from hosting.provider.models import ApiSession, Handle

MEMORY_S = 1.0
MEMORY_SIZE = 1000
_memory: dict[str, tuple[float, ApiSession]] = {}


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "surrogatepass")).hexdigest()


@sensitive_variables("password")
def authenticate(login: str, password: str) -> Handle | None:
    """The handle with this login and password, or None. An unknown login takes as long as a wrong password."""
    handle = Handle.objects.filter(handle=login).exclude(password="").first()
    if handle is None:
        make_password(password)
        return None
    return handle if check_password(password, handle.password) else None


@sensitive_variables("session_id")
def open_session(login: Handle, *, safe: bool) -> str:
    """A new session of `login` acting as itself; its id is returned once and never stored."""
    now = timezone.now()
    ApiSession.objects.filter(date_end__lt=now).delete()
    session_id = secrets.token_urlsafe(32)
    ends = now + timedelta(seconds=settings.PROVIDER_SESSION_SECONDS)
    ApiSession.objects.create(digest=_digest(session_id), login=login, handle=login, safe=safe, date_end=ends)
    return session_id


@sensitive_variables("session_id")
def narrow_session(session: ApiSession, handle: Handle) -> str:
    """A session with the rights of `handle`, out of safe mode, that ends when `session` ends."""
    session_id = secrets.token_urlsafe(32)
    ApiSession.objects.create(
        digest=_digest(session_id), login=session.login, handle=handle, safe=False, date_end=session.date_end
    )
    return session_id


@sensitive_variables("session_id")
def find(session_id: str) -> ApiSession | None:
    """The live session with that id, its handle and hosting account read along.

    A session never changes, so what was read is good for `MEMORY_S` seconds without asking the database.
    """
    digest = _digest(session_id)
    now = time.monotonic()
    read_at, session = _memory.get(digest, (0.0, None))
    if session is None or now - read_at > MEMORY_S:
        rows = ApiSession.objects.select_related("handle__hosting_account", "login")
        session = rows.filter(digest=digest).first()
        if len(_memory) >= MEMORY_SIZE:
            _memory.clear()
        if session is not None:
            _memory[digest] = (now, session)
    return session if session is not None and session.date_end > timezone.now() else None
