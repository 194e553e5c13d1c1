"""API tokens: a person's own, and those of a team."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from hosting.accounts.models import Account
from hosting.teams.panel_url import panel_url
from hosting.teams.rejection import Invalid
from hosting.teams.tokens import issuing
from hosting.teams.tokens import lists as token_lists
from hosting.teams.tokens.models import ApiToken
from hosting.web.access import refusals
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import PersonRequest, TeamRequest, signed_in, team_page
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.tokens import TokenForm
from hosting.web.pages.render import person_page
from hosting.web.pages.render import team_page as render_page
from hosting.web.wording.isolation import flash, naming, rejection_words

FORMS = ["GET", "HEAD", "POST"]


@require_safe
@signed_in
def mine(request: PersonRequest) -> HttpResponse:
    """A person's own tokens, by team."""
    listed = token_lists.of_person(request.user.pk)
    teams = [member.team for member in request.memberships]
    groups = [
        {
            "team": team,
            "title": team.name,
            "rows": [each for each in listed if each.token.team_id == team.pk],
            "to_new": reverse("my_token_new", args=[team.pk]),
        }
        for team in teams
    ]
    # Teams whose policies block this request are listed by `barred.html`, without their tokens.
    barred = {each.member.team_id for each in request.admission.blocked}
    left = [each for each in listed if each.token.team_id not in barred | {team.pk for team in teams}]
    if left:
        groups.append({"title": _("Teams you have left"), "rows": left})
    return person_page(request, "my_tokens", {"groups": groups, "own_tab": "tokens"}, section="me")


@require_safe
@team_page
def of_team(request: TeamRequest) -> HttpResponse:
    """The team's tokens, and the personal tokens of its members."""
    listed = token_lists.of_team(request.member)
    own = [each for each in listed if not each.token.is_personal]
    of_people = [each for each in listed if each.token.is_personal]
    groups: list[dict[str, Any]] = [
        {
            "title": _("Team tokens"),
            "note": _("Team tokens keep working when their creator leaves."),
            "rows": own,
            "to_new": reverse("team_token_new", args=[request.member.team_id]),
        }
    ]
    if of_people:
        note = _(
            "Each token has at most its owner's permissions in this team, and stops working when their membership ends."
        )
        groups.append({"title": _("Personal tokens of members"), "note": note, "rows": of_people})
    return render_page(request, "team_tokens", {"groups": groups}, tab="tokens")


@require_http_methods(FORMS)
@team_page
@reauthenticated
@sensitive_variables("made")
def new(request: TeamRequest, *, personal: bool) -> HttpResponse:
    """Create a token. The response shows the secret once; it is stored in no session and no address."""
    member = request.member
    issuing.require_may_create(member, personal=personal)
    form = TokenForm(
        request.POST or None,
        permissions=issuing.grantable(member),
        accounts=list(Account.objects.visible_to(member).order_by("label", "id")),
        whole=_("All accounts that your role covers, including future ones")
        if personal
        else _("All accounts of the team, including future ones"),
    )
    refusals.record_withheld(request, form)
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = issuing.create(
                data["name"],
                by=member,
                personal=personal,
                permissions=data.get("permissions", ()),
                accounts=form.chosen(),
                allowed_from=data["networks"].split(),
                days=data["days"],
            )
        except Invalid as wrong:
            refusals.record_rejection(request, wrong)
            form.add_error(wrong.field if wrong.field in form.fields else None, rejection_words(wrong))
        else:
            # Without the secret, which would stay in the history of a shell.
            whoami = panel_url(reverse("api_whoami"))
            command = f'curl --header "Authorization: Bearer $SHAREDECK_TOKEN" {whoami}'
            context = {"made": made, "command": command, **_words(request, personal=personal)}
            return _page(request, "token_made", context, personal=personal)
    context = {
        "form": form,
        "submit": _("Create token"),
        "icon": "key-round",
        **_words(request, personal=personal),
    }
    return _page(request, "form", context, personal=personal, bad=form.is_bound)


@require_http_methods(FORMS)
@team_page
def revoke(request: TeamRequest, token_id: int) -> HttpResponse:
    """Revoke a token, after a confirmation."""
    token = get_object_or_404(ApiToken.objects.select_related("owner"), team=request.member.team_id, pk=token_id)
    issuing.require_may_revoke(token, by=request.member)
    own = token.owner_id == request.user.pk
    there = reverse("my_tokens") if own else reverse("team_tokens", args=[token.team_id])
    if request.method == "POST":
        issuing.revoke(token, by=request.member)
        messages.success(request, flash(_("Token “%(name)s” revoked."), name=token.name))
        response = redirect(there)
        response.status_code = 303
        return response
    context = {
        "form": ChangeForm(),
        "title": naming(_("Revoke token “%(name)s”"), name=token.name),
        "lead": _(
            "Anything using this token will be denied access immediately. This can't be "
            "undone: a new token has a new secret."
        ),
        "facts": "hosting/_token_facts.html",
        "token": token,
        "submit": _("Revoke"),
        "icon": "ban",
        "danger": True,
        "cancel": there,
    }
    return _page(request, "form", context, personal=own)


def _words(request: TeamRequest, *, personal: bool) -> dict[str, Any]:
    team = request.member.team
    if personal:
        title: str = naming(_("Your new token in the team %(name)s"), name=team.name)
        lead = _(
            "The token acts in your name. It has at most your role's permissions, and stops "
            "working when your membership ends."
        )
        return {"title": title, "lead": lead, "cancel": reverse("my_tokens")}
    title = _("New team token")
    lead = _(
        "The token acts in its own name with the permissions you choose here. It keeps working when you leave the team."
    )
    return {"title": title, "lead": lead, "cancel": reverse("team_tokens", args=[team.pk])}


def _page(
    request: TeamRequest, page: str, context: dict[str, Any], *, personal: bool, bad: bool = False
) -> HttpResponse:
    if personal:
        return person_page(request, page, {"own_tab": "tokens", **context}, section="me", bad=bad)
    return render_page(request, page, context, tab="tokens", bad=bad)
