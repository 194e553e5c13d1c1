"""The spending limits of a team's roles, and the change of them that waits for another owner."""

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hosting.teams import ownership
from hosting.teams.models import Membership, User
from hosting.teams.policies.spending_limits import (
    NO_LIMITS,
    Limits,
    NoApproverError,
    Outcome,
    confirm,
    discard,
    limits_in,
    limits_of,
    obstacle,
    pending_of,
    set_limits,
    who_confirms,
    without_approver,
)
from hosting.teams.rejection import Rejected
from hosting.teams.roles import Permission, Role
from hosting.web.access import refusals
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import TeamRequest, team_page
from hosting.web.forms.approvals import SpendingLimitsForm
from hosting.web.pages.render import back
from hosting.web.pages.render import team_page as render_page
from hosting.web.wording.isolation import either, flash, rejection_words


@require_http_methods(["GET", "HEAD", "POST"])
@team_page
@reauthenticated
def limits(request: TeamRequest) -> HttpResponseBase:
    """The spending limits: what each role may spend in a month without approval."""
    member = request.member
    member.require_for_all(Permission.MANAGE_POLICIES)
    if request.method == "POST" and "decision" in request.POST:
        return _decide(request)
    current, others = limits_of(member.team_id), ownership.seconds(member).people()
    form = SpendingLimitsForm(
        request.POST or None,
        limits=current,
        need_second_owner=member.team.limits_need_second_owner,
        has_second=bool(others),
    )
    if form.is_valid():
        try:
            outcome = set_limits(form.limits(), by=member, need_second_owner=form.need_second_owner())
        except NoApproverError as error:
            form.lacks_approver(error.roles)
        except Rejected as rejection:
            refusals.record_rejection(request, rejection)
            form.add_error(rejection.field, rejection_words(rejection))
        else:
            _tell(request, outcome, others)
            return back(request, _here(member))
    lost = [role for role in without_approver(member.team_id) if current[role] != NO_LIMITS]
    context = {
        "form": form,
        "title": _("Spending limits"),
        "lead": _(
            "The total that all members with a role can spend across all accounts in a "
            "calendar month (UTC). Operations above the limit wait until another owner or "
            "billing member approves them. Renewals only count as money."
        ),
        "warnings": [
            _(
                "Nobody can approve operations of “%(role)s” above the limit. Give another member"
                " a role with approval permission."
            )
            % {"role": Role(role).label}
            for role in sorted(lost)
        ],
        "submit": _("Save"),
        "icon": "check",
        "cancel": reverse("team_approvals", args=[member.team_id]),
        **_waiting(member, current),
    }
    return render_page(request, "spending_limits", context, tab="ceilings", bad=form.is_bound)


def _here(member: Membership) -> str:
    return reverse("team_spending_limits", args=[member.team_id])


def _tell(request: TeamRequest, outcome: Outcome, others: list[User]) -> None:
    if outcome is Outcome.PENDING:
        words = _("This raises or removes a limit, so another owner must confirm it on this page: %(people)s.")
        messages.warning(request, flash(words, people=either(others)))
    else:
        messages.success(
            request, _("Saved. The limits apply from now on. Operations already waiting for approval stay waiting.")
        )


def _decide(request: TeamRequest) -> HttpResponse:
    """Confirm or discard the change that the person has seen."""
    member, decision = request.member, request.POST["decision"]
    pending = pending_of(member.team_id)
    if pending is None or pending.requested_at.isoformat() != request.POST.get("seen"):
        messages.warning(request, _("This change was decided or replaced meanwhile. Nothing was changed."))
        return back(request, _here(member))
    try:
        if decision == "confirm" and confirm(pending, by=member):
            messages.success(request, _("Confirmed. The new limits apply from now on."))
        elif decision == "discard" and discard(pending, by=member):
            messages.success(request, _("The change was discarded. The limits stay as they are."))
    except Rejected as rejection:
        refusals.record_rejection(request, rejection)
        messages.error(request, rejection_words(rejection))
    except NoApproverError:
        messages.error(request, _("With these limits, nobody could approve what exceeds them. Nothing was changed."))
    return back(request, _here(member))


def _waiting(member: Membership, current: dict[str, Limits]) -> dict[str, object]:
    """The change that waits for another owner, in words; empty when there is none."""
    pending = pending_of(member.team_id)
    if pending is None:
        return {}
    changes: list[tuple[str, object, object]] = []
    for role, wanted in limits_in(pending).items():
        name, before = {"role": Role(role).label}, current[role]
        changes += [
            (_("%(role)s: shares per month") % name, before.shares, wanted.shares),
            (_("%(role)s: money per month") % name, before.money, wanted.money),
        ]
    shown = [(label, _limit(old), _limit(new)) for label, old, new in changes if old != new]
    if not pending.need_second_owner:
        shown.append((_("Raising or removing a limit needs another owner"), _("on"), _("off")))
    return {
        "pending": pending,
        "changes": shown,
        "seen": pending.requested_at.isoformat(),
        "is_own": pending.requested_by_id == member.user_id,
        "obstacle": obstacle(pending, member),
        "owners": either(who_confirms(pending)) or _("another owner"),
    }


def _limit(value: object) -> str:
    return _("no limit") if value is None else str(value)
