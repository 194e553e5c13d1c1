"""The settings of a team, and creating one."""

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hosting.teams import create_team
from hosting.teams import settings as team_settings
from hosting.teams.rejection import Rejected
from hosting.teams.roles import NotAllowedError, Permission
from hosting.web.access.origin import origin_of
from hosting.web.access.scope import PersonRequest, TeamRequest, signed_in, team_page
from hosting.web.audit import lines
from hosting.web.forms.annotations import TeamForm
from hosting.web.forms.people import NewTeamForm
from hosting.web.pages.render import back, person_page
from hosting.web.pages.render import team_page as render_page

FORMS = ["GET", "HEAD", "POST"]


@require_http_methods(FORMS)
@team_page
def settings(request: TeamRequest) -> HttpResponse:
    """The settings of the team, which apply to all of its accounts."""
    request.member.require_for_all(Permission.MANAGE_ACCOUNTS)
    team = request.member.team
    form = TeamForm(request.POST or None, initial={"name": team.name, "bulk_at_once": team.bulk_at_once})
    here = reverse("team_settings", args=[team.pk])
    if form.is_valid():
        data = form.cleaned_data
        try:
            team_settings.update(name=data["name"], bulk_at_once=data["bulk_at_once"], by=request.member)
        except Rejected as rejection:
            form.reject(rejection)
        else:
            messages.success(request, _("Settings saved."))
            return back(request, here)
    context = {
        "form": form,
        "title": _("Settings"),
        "submit": _("Save"),
        "icon": "check",
        "cancel": reverse("team", args=[team.pk]),
        "audit_lines": lines.of_team(request),
    }
    return render_page(request, "form", context, tab="settings", bad=form.is_bound)


@require_http_methods(FORMS)
@signed_in
def new(request: PersonRequest) -> HttpResponse:
    """Create a team."""
    if not create_team.may_create(request.user):
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    form = NewTeamForm(request.POST or None)
    if form.is_valid():
        try:
            owner = create_team.create(form.cleaned_data["name"], person=request.user, via=origin_of(request))
        except Rejected as rejection:
            form.reject(rejection)
        else:
            messages.success(request, _("Team created. Invite people or connect an account."))
            return back(request, reverse("team", args=[owner.team_id]))
    context = {
        "form": form,
        "title": _("New team"),
        "lead": _("A team has its own members, accounts and policies. Teams can't see each other."),
        "submit": _("Create team"),
        "icon": "users",
        "cancel": reverse("home"),
    }
    return person_page(request, "form", context, section="team", bad=form.is_bound)
