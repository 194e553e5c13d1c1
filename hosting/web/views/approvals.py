"""The page Approvals: operations that wait for approval, and past decisions."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from hosting.operations.checks import spending_limits
from hosting.operations.checks.spending_limits import Standing
from hosting.operations.lifecycle import approvals
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.rejection import Rejected
from hosting.operations.models.states import State
from hosting.teams.models import Membership
from hosting.teams.policies import spending_limits as policy
from hosting.teams.policies.models import PendingLimits
from hosting.teams.rejection import Refusal
from hosting.teams.roles import Permission, Role
from hosting.web.access import refusals
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import TeamRequest, team_page
from hosting.web.charts.spending_limits import LimitBar, of_request, of_role
from hosting.web.forms.approvals import DecisionForm
from hosting.web.forms.bulk import numbers
from hosting.web.lists import csv_export
from hosting.web.lists.tables import DecisionTable, table
from hosting.web.pages import submitting
from hosting.web.pages.render import back
from hosting.web.pages.render import team_page as render_page
from hosting.web.wording.isolation import flash, rejection_words

# The most that are shown and decided at once.
_MOST = 100
# The most reasons that are listed one by one.
_MOST_REASONS = 5


@dataclass(frozen=True)
class Waiting:
    """A held operation, its role's spending limit, and whether the member may decide on it."""

    operation: Operation
    measures: list[LimitBar]
    decidable: bool
    chosen: bool


@dataclass(frozen=True)
class Group:
    """The held operations of one bulk action, with how many the member may decide on; or a single operation."""

    bulk: Bulk | None
    decidable: int
    waiting: list[Waiting]


def _held(member: Membership) -> QuerySet[Operation]:
    return Operation.objects.visible_to(member).filter(state=State.HELD)


def _decidable(member: Membership) -> QuerySet[Operation]:
    """The held operations that this member may decide on."""
    if member.person is None or not member.may(Permission.APPROVE):
        return Operation.objects.none()
    return _held(member).filter(~Q(requested_by=member.user_id))


@require_safe
@team_page
def index(request: TeamRequest) -> HttpResponseBase:
    """Operations that wait for approval, and past decisions."""
    decisions = _decisions(request)
    if csv_export.wanted(request):
        return csv_export.as_csv(request, decisions, csv_export.DECISIONS, name=f"approvals-{request.member.team.name}")
    return _page(request, DecisionForm(), set(numbers(request.GET.getlist("operation"))), decisions)


def _decisions(request: TeamRequest) -> Any:
    rows = Operation.objects.visible_to(request.member).filter(decided_at__isnull=False)
    return table(request, DecisionTable, rows, order_by="-decided_at")


def _page(request: TeamRequest, form: DecisionForm, chosen: set[int], decisions: Any) -> HttpResponse:
    member, team = request.member, request.member.team
    standings = spending_limits.standings(team.pk, timezone.now())
    held = _held(member).select_related("requested_by", "account", "bulk").order_by("due_at", "pk")
    # A member limited to some accounts sees only the bar of their own role: a bar sums up spending in all accounts.
    shown = [role for role in standings if not member.narrowed or role == member.role]
    found = list(held[: _MOST + 1])
    context = {
        "form": form,
        "roles": [(Role(role).label, of_role(standings[role]), standings[role].spent) for role in shown],
        # A date, because a time would be shown in the reader's zone, where it may be another day.
        "month": spending_limits.month_of(timezone.now()).date(),
        "groups": _groups(member, found[:_MOST], standings, chosen),
        "more": max(0, held.count() - _MOST) if len(found) > _MOST else 0,
        "may_decide": member.may(Permission.APPROVE),
        "table": decisions,
        "pending_limits": _pending_limits(member),
        "here": request.get_full_path(),
    }
    return render_page(request, "approvals", context, tab="approvals", bad=form.is_bound)


def _pending_limits(member: Membership) -> PendingLimits | None:
    """The change of the spending limits that waits for this member to confirm it."""
    if not member.may_for_all(Permission.MANAGE_POLICIES):
        return None
    pending = policy.pending_of(member.team_id)
    return pending if pending and policy.obstacle(pending, member) is None else None


def _groups(member: Membership, held: list[Operation], standings: dict[str, Standing], chosen: set[int]) -> list[Group]:
    """The held operations in order, with those of one bulk action together."""
    may = member.person is not None and member.may(Permission.APPROVE)
    bulks = {operation.bulk_id for operation in held if operation.bulk_id}
    whole = dict(
        _decidable(member).filter(bulk__in=bulks).order_by().values_list("bulk_id").annotate(count=Count("pk"))
        if bulks
        else ()
    )
    first = {operation.bulk_id: place for place, operation in reversed(list(enumerate(held)))}
    held = sorted(held, key=lambda operation: first[operation.bulk_id] if operation.bulk_id else held.index(operation))
    groups = []
    for (bulk_id, _number), rows in groupby(held, key=lambda each: (each.bulk_id, None if each.bulk_id else each.pk)):
        waiting = [
            Waiting(
                operation,
                of_request(operation, standings.get(operation.requested_as)),
                decidable=may and operation.requested_by_id != member.user_id,
                chosen=operation.pk in chosen,
            )
            for operation in rows
        ]
        groups.append(Group(waiting[0].operation.bulk, whole.get(bulk_id, 0), waiting))
    return groups


@require_POST
@team_page
@reauthenticated
def decide(request: TeamRequest) -> HttpResponseBase:
    """Approve or refuse the chosen operations one by one. One that can't be approved does not stop the rest."""
    member = request.member
    member.require(Permission.APPROVE)
    form = DecisionForm(request.POST)
    operations, bulks = (numbers(request.POST.getlist(name)) for name in ("operation", "bulk"))
    if not form.is_valid():
        return _page(request, form, set(operations), _decisions(request))
    here = reverse("team_approvals", args=[member.team_id])
    operations, bulks = operations[:_MOST], bulks[:_MOST]
    wanted = _decidable(member).filter(Q(pk__in=operations) | Q(bulk__in=bulks))
    chosen = list(wanted.select_related("account__team").order_by("due_at", "pk")[: _MOST + 1])
    _record_filtered(request, operations, [] if chosen else bulks)
    if not chosen:
        messages.warning(request, _("No operations selected. Select the operations to approve or refuse."))
        return back(request, here)
    act = approvals.approve if request.POST.get("decision") == "approve" else approvals.refuse
    done, reasons = 0, list[str]()
    for operation in chosen[:_MOST]:
        try:
            done += act(operation, by=member, comment=form.cleaned_data["comment"])
        except Rejected as rejection:
            refusals.record_rejection(request, rejection)
            reasons.append(
                flash("“%(what)s”: %(why)s", what=submitting.in_words(operation), why=rejection_words(rejection))
            )
    if done and act is approvals.approve:
        messages.success(request, ngettext("%d operation approved.", "%d operations approved.", done) % done)
    elif done:
        messages.success(request, ngettext("%d operation refused.", "%d operations refused.", done) % done)
    for reason in reasons[:_MOST_REASONS]:
        messages.error(request, reason)
    if (more := len(reasons) - _MOST_REASONS) > 0:
        words = ngettext(
            "%(count)d more operation couldn't be decided. Open it to see why.",
            "%(count)d more operations couldn't be decided. Open them to see why.",
            more,
        )
        messages.error(request, words % {"count": more})
    if len(chosen) > _MOST:
        messages.info(
            request, _("You can decide up to %(most)d at once. Select the rest and try again.") % {"most": _MOST}
        )
    return back(request, here)


def _record_filtered(request: TeamRequest, operations: list[int], bulks: list[int]) -> None:
    """Record it when somebody decides on what they have requested themselves, or may not see."""
    named = Operation.objects.visible_to(request.member).filter(Q(pk__in=operations) | Q(bulk__in=bulks))
    if named.filter(state=State.HELD, requested_by=request.user.pk).exists():
        refusals.record_refusal(request, Refusal.OWN_REQUEST)
    elif (operations or bulks) and not named.exists():
        refusals.record_not_found(request)
