"""The members of a team: their roles and accounts, removing, leaving, and transferring ownership."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hosting.accounts.models import Account
from hosting.reading.invitations import problems as problems_of
from hosting.teams.models import Membership
from hosting.teams.people import invitations, members
from hosting.teams.people.membership_rules import grant_of, require_can_give
from hosting.teams.people.models import Invitation
from hosting.teams.policies.second_factor import Standing, standings
from hosting.teams.rejection import Rejected
from hosting.teams.roles import Permission, Role, missing_for
from hosting.web.access import refusals
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import TeamRequest, team_page
from hosting.web.audit import lines
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.people import GrantForm, TransferForm
from hosting.web.pages.render import back
from hosting.web.pages.render import team_page as render_page
from hosting.web.wording.isolation import flash, naming, rejection_words

FORMS = ["GET", "HEAD", "POST"]


@dataclass(frozen=True)
class Row:
    """A member or an invitation, with the reason why the reader can't change it (empty when they can)."""

    one: Membership | Invitation
    # The accounts it gives access to, as far as the reader may see them.
    accounts: list[str]
    off: str = ""
    is_self: bool = False
    off_leave: str = ""
    # What is wrong with an invitation (`reading.invitations.Problem`).
    problem: str = ""
    # Whether they have a second factor; only for readers who may change the team's policies.
    factor: Standing | None = None


@require_safe
@team_page
def index(request: TeamRequest) -> HttpResponse:
    """The members and invitations of the team."""
    by, now = request.member, timezone.now()
    everybody = members.of_team(by.team)
    seen = dict(Account.objects.visible_to(by).filter(team=by.team_id).values_list("pk", "label"))
    owners = [member for member in everybody if member.role == Role.OWNER]
    factors = standings(by.team, everybody, now) if by.may_for_all(Permission.MANAGE_POLICIES) else {}
    rows = [
        Row(
            member,
            _labels(member, seen),
            off=_why_not(member, by),
            is_self=member.pk == by.pk,
            off_leave=_("A team needs an owner. Transfer ownership to someone else first.")
            if owners == [member]
            else "",
            factor=factors.get(member.pk),
        )
        for member in everybody
    ]
    unanswered = invitations.unanswered(by)
    problems = problems_of(unanswered, now)
    invited = [
        Row(each, _labels(each, seen), off=_why_not(each, by), problem=problems.get(each.pk, "")) for each in unanswered
    ]
    context = {
        "rows": rows,
        "invited": invited,
        "others": len(everybody) > 1,
        "here": request.get_full_path(),
        "audit_lines": lines.of_team(request),
    }
    return render_page(request, "team", context, tab="people")


def _labels(one: Membership | Invitation, seen: dict[int, str]) -> list[str]:
    return sorted(seen[account.pk] for account in one.accounts.all() if account.pk in seen) if one.narrowed else []


def _why_not(one: Membership | Invitation, by: Membership) -> str:
    """Why a member who manages people can't change this one."""
    if missing_for(by.permissions(), one.role) is None:
        return ""
    return _("This role has more permissions than yours. Ask an owner.")


@require_http_methods(FORMS)
@team_page
@reauthenticated
def edit(request: TeamRequest, member_id: int) -> HttpResponse:
    """Change a member's role, accounts and end of membership."""
    member = _member(request, member_id)
    accounts = list(Account.objects.visible_to(request.member).filter(team=request.member.team_id))
    form = GrantForm(request.POST or None, by=request.member, accounts=accounts, grant=grant_of(member))
    refusals.record_withheld(request, form)
    to_people = reverse("team", args=[member.team_id])
    if form.is_valid():
        try:
            members.change(member, form.grant(), by=request.member)
        except Rejected as rejection:
            refusals.record_rejection(request, rejection)
            form.reject(rejection)
        else:
            role = Role(form.cleaned_data["role"]).label
            messages.success(request, flash(_("Saved. Role of %(name)s: %(role)s."), name=member.user, role=role))
            return back(request, to_people)
    context = {
        "form": form,
        "title": naming(_("Change access of %(name)s"), name=member.user),
        "lead": member.user.email if member.user.name else "",
        "submit": _("Save"),
        "icon": "user-cog",
        "cancel": to_people,
        "audit_lines": lines.of_member(request, member),
    }
    return render_page(request, "form", context, tab="people", bad=form.is_bound)


@require_http_methods(FORMS)
@team_page
@reauthenticated
def remove(request: TeamRequest, member_id: int) -> HttpResponse:
    """Remove a member from the team."""
    member = _member(request, member_id)
    lead = _(
        "%(name)s loses access to this team immediately, including in open sessions. "
        "Their running operations finish; their plans stop."
    )
    words = {
        "title": naming(_("Remove %(name)s from the team"), name=member.user),
        "lead": naming(lead, name=member.user),
        "submit": _("Remove from the team"),
        "icon": "user-minus",
        "danger": True,
    }
    done = flash(_("%(name)s was removed from the team."), name=member.user)
    if request.method == "POST" and tell(request, lambda: members.remove(member, by=request.member), done):
        return back(request, reverse("team", args=[member.team_id]))
    return _ask(request, words)


@require_http_methods(FORMS)
@team_page
def leave(request: TeamRequest) -> HttpResponse:
    """Leave the team."""
    team = request.member.team
    words = {
        "title": _("Leave the team"),
        "lead": _("You will lose access to its accounts, servers and disks. To rejoin, you need a new invitation."),
        "submit": _("Leave the team"),
        "icon": "log-out",
        "danger": True,
    }
    done = flash(_("You have left the team %(name)s."), name=team.name)
    if request.method == "POST" and tell(request, lambda: members.leave(by=request.member), done):
        return back(request, reverse("home"))
    return _ask(request, words)


@require_http_methods(FORMS)
@team_page
@reauthenticated
def transfer(request: TeamRequest) -> HttpResponse:
    """Make another member the owner."""
    by = request.member
    require_can_give(Role.OWNER, by)
    others = [member for member in members.of_team(by.team) if member.role != Role.OWNER]
    form = TransferForm(request.POST or None, members=others)
    to_people = reverse("team", args=[by.team_id])
    if form.is_valid():
        new = next(member for member in others if member.pk == form.cleaned_data["to"])
        try:
            members.transfer(new, stay=form.cleaned_data["stay"] == "owner", by=by)
        except Rejected as rejection:
            form.reject(rejection)
        else:
            messages.success(request, flash(_("%(name)s now owns the team."), name=new.user))
            return back(request, to_people)
    context = {
        "form": form,
        "title": _("Transfer the team"),
        "lead": _("Owners can do everything: spend money, delete objects, change policies and remove other owners."),
        "submit": _("Transfer"),
        "icon": "key-round",
        "cancel": to_people,
        "danger": True,
    }
    return render_page(request, "form", context, tab="people", bad=form.is_bound)


def tell(request: TeamRequest, do: Callable[[], None], done: str) -> bool:
    """Run `do`, and show a message that it is done, or why it is not."""
    try:
        do()
    except Rejected as rejection:
        refusals.record_rejection(request, rejection)
        messages.error(request, rejection_words(rejection))
        return False
    messages.success(request, done)
    return True


def _ask(request: TeamRequest, words: dict[str, object]) -> HttpResponse:
    """A page that asks for confirmation."""
    context = {"form": ChangeForm(), "cancel": reverse("team", args=[request.member.team_id]), **words}
    return render_page(request, "form", context, tab="people", bad=request.method == "POST")


def _member(request: TeamRequest, member_id: int) -> Membership:
    """Another member of the team, whom the person may change.

    Raises:
        Http404: there is no such member.
        NotAllowedError: the member has more permissions than the person.
    """
    request.member.require_for_all(Permission.MANAGE_PEOPLE)
    found = Membership.objects.current().filter(team=request.member.team_id).select_related("user", "team")
    member: Membership = get_object_or_404(found, pk=member_id)
    require_can_give(member.role, request.member)
    return member
