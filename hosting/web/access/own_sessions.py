"""Where a person is signed in: the rows behind the list of their sessions, and how one is ended.

The rows are django-allauth's, which would write the keys of sessions into them. These are their stored names.
"""

from collections.abc import Sequence

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.logout import logout
from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from hosting.teams.audit import sign_ins
from hosting.teams.models import User
from hosting.web.access.origin import origin_of
from hosting.web.access.session_store import SessionStore
from safekeeping.sessions import stored_name


def record(*, request: HttpRequest, user: User, **_: object) -> None:
    """List the session of a request that has signed in or changed the password, and forget those that are over."""
    alive = [session.pk for session in alive_of(user)]
    UserSession.objects.filter(user=user).exclude(pk__in=alive).delete()
    user_agent = request.headers.get("User-Agent", "")[: UserSession._meta.get_field("user_agent").max_length]
    UserSession.objects.update_or_create(
        session_key=_name_of(request),
        defaults={"user": user, "ip": get_adapter().get_client_ip(request), "user_agent": user_agent},
    )


def alive_of(user: User) -> list[UserSession]:
    """The person's valid sessions: neither expired nor older than their last change of password."""
    listed = list(UserSession.objects.filter(user=user))
    names = [session.session_key for session in listed]
    stored = Session.objects.filter(session_key__in=names, expire_date__gt=timezone.now())
    valid = {row.session_key for row in stored if opens(row, user)}
    return [session for session in listed if session.session_key in valid]


def is_current(session: UserSession, request: HttpRequest) -> bool:
    """Whether a request belongs to this session."""
    return constant_time_compare(session.session_key, _name_of(request))


def end(sessions: Sequence[UserSession], request: HttpRequest) -> None:
    """End sessions of one person: those browsers are signed out with their next request. It is recorded."""
    if not sessions:
        return
    SessionStore.end([session.session_key for session in sessions])
    UserSession.objects.filter(pk__in=[session.pk for session in sessions]).delete()
    user = sessions[0].user
    sign_ins.record_for_person(user, "person.sessions_ended", via=origin_of(request), sessions=len(sessions))
    if any(is_current(session, request) for session in sessions):
        logout(request)


def opens(row: Session, user: User) -> bool:
    """Whether a stored session is one of the person since their last change of password."""
    kept = row.get_decoded().get(HASH_SESSION_KEY, "")
    return constant_time_compare(kept, user.get_session_auth_hash())


def _name_of(request: HttpRequest) -> str:
    return stored_name(request.session.session_key or "")
