"""The profile of a person: their name, and their sessions."""

from allauth.usersessions.internal.flows import sessions as ending
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.teams.audit import sign_ins
from hosting.teams.models import User
from hosting.web.access.browsers import Browser, browser_of
from hosting.web.access.scope import PersonRequest, origin_of, signed_in
from hosting.web.forms.sign_in import ProfileForm
from hosting.web.pages.render import back, own_page


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def profile(request: PersonRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        sign_ins.rename(request.user, form.cleaned_data["name"], via=origin_of(request))
        messages.success(request, _("Saved."))
        return back(request, request.path)
    # Restore the saved name for the frame: the form has already set the invalid one.
    if form.is_bound:
        request.user.refresh_from_db(fields=["name"])
    return own_page(request, "profile", {"form": form}, tab="profile", bad=form.is_bound)


@require_safe
@signed_in
def sessions(request: PersonRequest) -> HttpResponse:
    """The person's sessions: this one first, then the others, newest first."""
    found = _alive(request)
    found.sort(key=lambda session: (session.is_current(), session.created_at), reverse=True)
    shown: list[tuple[UserSession, Browser]] = [(session, browser_of(session.user_agent)) for session in found]
    context = {"sessions": shown, "others": sum(not session.is_current() for session in found)}
    return own_page(request, "sessions", context, tab="sessions")


def _alive(request: PersonRequest) -> list[UserSession]:
    """The person's valid sessions: neither expired nor older than their last change of password."""
    listed = list(UserSession.objects.filter(user=request.user))
    keys = [session.session_key for session in listed]
    stored = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    valid = {row.session_key for row in stored if _opens(row, request.user)}
    return [session for session in listed if session.session_key in valid]


def _opens(row: Session, user: User) -> bool:
    kept = row.get_decoded().get(HASH_SESSION_KEY, "")
    return constant_time_compare(kept, user.get_session_auth_hash())


@require_POST
@signed_in
def end_session(request: PersonRequest, session_id: int) -> HttpResponse:
    """End one session: that browser is signed out with its next request."""
    session = get_object_or_404(UserSession, user=request.user, pk=session_id)
    ending.end_sessions(request, [session])
    messages.success(request, _("That session has ended."))
    return _to_sessions()


@require_POST
@signed_in
def end_others(request: PersonRequest) -> HttpResponse:
    ending.end_other_sessions(request, request.user)
    messages.success(request, _("All other sessions have been signed out."))
    return _to_sessions()


def _to_sessions() -> HttpResponse:
    response = redirect("usersessions_list")
    response.status_code = 303
    return response
