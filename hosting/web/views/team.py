from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hosting.teams import settings as team_settings
from hosting.teams.roles import Permission
from hosting.web.forms.desk import TeamForm
from hosting.web.pages import back
from hosting.web.pages import team_page as render_page
from hosting.web.scope import TeamRequest, team_page


@require_http_methods(["GET", "HEAD", "POST"])
@team_page
def settings(request: TeamRequest) -> HttpResponse:
    """What the team decides for all of its accounts."""
    request.member.require_for_all(Permission.MANAGE_ACCOUNTS)
    team = request.member.team
    form = TeamForm(request.POST or None, initial={"bulk_at_once": team.bulk_at_once})
    here = reverse("team_settings", args=[team.pk])
    if form.is_valid():
        team_settings.update(bulk_at_once=form.cleaned_data["bulk_at_once"], by=request.member)
        messages.success(request, _("Saved."))
        return back(request, here)
    context = {
        "form": form,
        "title": _("Settings of the team %(name)s") % {"name": team.name},
        "submit": _("Save"),
        "icon": "settings",
        "cancel": reverse("home"),
    }
    return render_page(request, "form", context, tab="settings", bad=form.is_bound)
