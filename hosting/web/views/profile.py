"""The profile of a person: their name, and their sessions."""

from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.teams.audit import sign_ins
from hosting.web.access import own_sessions
from hosting.web.access.browsers import Browser, browser_of
from hosting.web.access.origin import origin_of
from hosting.web.access.scope import PersonRequest, signed_in
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
    shown: list[tuple[UserSession, Browser, bool]] = [
        (session, browser_of(session.user_agent), own_sessions.is_current(session, request))
        for session in own_sessions.alive_of(request.user)
    ]
    shown.sort(key=lambda line: (line[2], line[0].created_at), reverse=True)
    context = {"sessions": shown, "others": sum(not current for _session, _browser, current in shown)}
    return own_page(request, "sessions", context, tab="sessions")


@require_POST
@signed_in
def end_session(request: PersonRequest, session_id: int) -> HttpResponse:
    """End one session: that browser is signed out with its next request."""
    session = get_object_or_404(UserSession, user=request.user, pk=session_id)
    own_sessions.end([session], request)
    messages.success(request, _("That session has ended."))
    return _to_sessions()


@require_POST
@signed_in
def end_others(request: PersonRequest) -> HttpResponse:
    listed = UserSession.objects.filter(user=request.user)
    own_sessions.end([session for session in listed if not own_sessions.is_current(session, request)], request)
    messages.success(request, _("All other sessions have been signed out."))
    return _to_sessions()


def _to_sessions() -> HttpResponse:
    response = redirect("usersessions_list")
    response.status_code = 303
    return response
