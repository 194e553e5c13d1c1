"""The policies of a team: second factor, session length, networks and quiet hours."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hosting.teams.access.quiet_hours import EVERY_DAY
from hosting.teams.models import Membership
from hosting.teams.policies import changing, second_factor
from hosting.teams.roles import Permission
from hosting.web.access import reauthentication
from hosting.web.access.scope import TeamRequest, team_page
from hosting.web.forms.policies import FORMS, NetworksForm, PolicyForm, QuietForm, SessionForm, TwoFactorForm
from hosting.web.pages.render import team_page as render_page
from hosting.web.wording.days import DAYS


@require_http_methods(["GET", "HEAD", "POST"])
@team_page
def team_policies(request: TeamRequest) -> HttpResponseBase:
    """Show the team's policies, with a form for each to members who may change them and have just reauthenticated."""
    member = request.member
    sent = None
    if request.method == "POST" or "change" in request.GET:
        member.require_for_all(Permission.MANAGE_POLICIES)
        if not reauthentication.is_recent(request):
            return reauthentication.redirect_to_confirm(request)
    if request.method == "POST":
        sent = _sent(request)
        if sent.is_valid() and _save(sent, by=member):
            messages.success(request, _("Saved. The policy takes effect immediately."))
            response = redirect(reverse("team_policies", args=[member.team_id]) + f"#{sent.name}")
            response.status_code = 303
            return response
    return _page(request, sent)


def _days(days: frozenset[int]) -> str:
    """The days on which quiet hours start, in words."""
    if days == EVERY_DAY:
        return _("Every day.")
    return _("Starting on: %(days)s.") % {"days": ", ".join(str(DAYS[day][1]) for day in sorted(days))}


def _sent(request: TeamRequest) -> PolicyForm:
    form = FORMS.get(request.POST.get("policy", ""))
    if form is None:
        raise BadRequest
    return form(request.POST, team=request.member.team)


def _save(form: PolicyForm, *, by: Membership) -> bool:
    data = form.cleaned_data
    try:
        match form:
            case TwoFactorForm():
                changing.require_two_factor(required=data["required"], grace_days=data["grace_days"], by=by)
            case SessionForm():
                changing.limit_sessions(data["hours"], by=by)
            case NetworksForm():
                changing.allow_networks(form.lines(), by=by)
            case QuietForm():
                days = frozenset(data["days"])
                changing.set_quiet_hours(data["start"], data["end"], zone=data["zone"], days=days, by=by)
    except ValidationError as error:
        form.refuse(error)
        return False
    return True


def _page(request: TeamRequest, sent: PolicyForm | None) -> HttpResponse:
    member, now = request.member, timezone.now()
    team = member.team
    forms = {name: form(team=team) for name, form in FORMS.items()}
    if sent is not None:
        forms[sent.name] = sent
    manages = member.may_for_all(Permission.MANAGE_POLICIES)
    members = list(Membership.objects.current().filter(team=team).select_related("user")) if manages else []
    standings = second_factor.standings(team, members, now)
    policy = team.policy()
    context = {
        "forms": forms,
        "manages": manages,
        "changes": manages and (sent is not None or reauthentication.is_recent(request)),
        "policy": policy,
        "quiet_until": policy.quiet.until(now) if policy.quiet else None,
        "quiet_days": _days(policy.quiet.days) if policy.quiet else "",
        "standings": sorted(standings.values(), key=lambda standing: str(standing.member.user).casefold()),
        "with_second_factor": sum(each.state == second_factor.State.HAS for each in standings.values()),
        "address": member.via.address,
        "has_second_factor": manages and standings[member.pk].state == second_factor.State.HAS,
        "panel_hours": settings.SESSION_COOKIE_AGE // 3600,
    }
    return render_page(request, "policies", context, tab="policies", bad=sent is not None)
