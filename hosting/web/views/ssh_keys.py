"""Public SSH keys: a person's own, and those of a team."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from hosting.teams.rejection import Rejected
from hosting.teams.ssh_keys import managing
from hosting.teams.ssh_keys.models import SshKey
from hosting.web.access import refusals
from hosting.web.access.origin import origin_of
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import PersonRequest, TeamRequest, signed_in, team_page
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.ssh_keys import SshKeyForm
from hosting.web.pages.render import back, own_page
from hosting.web.pages.render import team_page as render_page
from hosting.web.wording.isolation import flash, naming

FORMS = ["GET", "HEAD", "POST"]
TAB = "ssh_keys"


@require_safe
@signed_in
def mine(request: PersonRequest) -> HttpResponse:
    """The person's own keys."""
    return own_page(request, "my_ssh_keys", {"keys": managing.of_person(request.user)}, tab=TAB)


@require_http_methods(FORMS)
@sensitive_post_parameters("public_key")
@signed_in
@reauthenticated
def new_own(request: PersonRequest) -> HttpResponse:
    form, there = SshKeyForm(request.POST or None), reverse("my_ssh_keys")
    if form.is_valid():
        data = form.cleaned_data
        try:
            key = managing.add_own(data["name"], data["public_key"], user=request.user, via=origin_of(request))
        except Rejected as rejection:
            form.reject(rejection)
        else:
            return _added(request, key, there)
    return own_page(request, "form", _adding(form, there), tab=TAB, bad=form.is_bound)


@require_http_methods(FORMS)
@signed_in
def remove_own(request: PersonRequest, key_id: int) -> HttpResponse:
    key, there = get_object_or_404(managing.of_person(request.user), pk=key_id), reverse("my_ssh_keys")
    if request.method == "POST":
        managing.remove_own(key, user=request.user, via=origin_of(request))
        return _removed(request, key, there)
    return own_page(request, "form", _removing(key, there), tab=TAB)


@require_safe
@team_page
def of_team(request: TeamRequest) -> HttpResponse:
    """The keys of the team, with who added each."""
    return render_page(request, "team_ssh_keys", {"keys": managing.of_team(request.member.team_id)}, tab=TAB)


@require_http_methods(FORMS)
@sensitive_post_parameters("public_key")
@team_page
@reauthenticated
def new_of_team(request: TeamRequest) -> HttpResponse:
    managing.require_may_change(request.member)
    form, there = SshKeyForm(request.POST or None), reverse("team_ssh_keys", args=[request.member.team_id])
    if form.is_valid():
        data = form.cleaned_data
        try:
            key = managing.add_to_team(data["name"], data["public_key"], by=request.member)
        except Rejected as rejection:
            refusals.record_rejection(request, rejection)
            form.reject(rejection)
        else:
            return _added(request, key, there)
    context = {
        **_adding(form, there),
        "lead": _("Members can select this key for new servers. The holder of its private key can then sign in there."),
    }
    return render_page(request, "form", context, tab=TAB, bad=form.is_bound)


@require_http_methods(FORMS)
@team_page
def remove_of_team(request: TeamRequest, key_id: int) -> HttpResponse:
    managing.require_may_change(request.member)
    key = get_object_or_404(managing.of_team(request.member.team_id), pk=key_id)
    there = reverse("team_ssh_keys", args=[request.member.team_id])
    if request.method == "POST":
        managing.remove_from_team(key, by=request.member)
        return _removed(request, key, there)
    return render_page(request, "form", _removing(key, there), tab=TAB)


def _adding(form: SshKeyForm, there: str) -> dict[str, Any]:
    return {
        "form": form,
        "title": _("Add an SSH key"),
        "submit": _("Add key"),
        "icon": "plus",
        "cancel": there,
    }


def _added(request: PersonRequest, key: SshKey, there: str) -> HttpResponse:
    messages.success(request, flash(_("SSH key “%(name)s” added."), name=key.name))
    return back(request, there)


def _removing(key: SshKey, there: str) -> dict[str, Any]:
    return {
        "form": ChangeForm(),
        "title": naming(_("Remove SSH key “%(name)s”"), name=key.name),
        "lead": _(
            "It can no longer be selected for new servers. Servers that have it keep it: remove it there from"
            " ~/.ssh/authorized_keys."
        ),
        "facts": "hosting/_ssh_key_facts.html",
        "key": key,
        "submit": _("Remove"),
        "icon": "trash-2",
        "danger": True,
        "cancel": there,
    }


def _removed(request: PersonRequest, key: SshKey, there: str) -> HttpResponse:
    messages.success(request, flash(_("SSH key “%(name)s” removed."), name=key.name))
    return back(request, there)
