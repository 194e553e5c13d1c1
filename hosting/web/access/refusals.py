"""Record what signed-in people are refused in the audit log: missing permissions, policies, and all of `Refusal`."""

from typing import Protocol

from django.http import HttpRequest

from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.rejection import Refusal, Rejected
from hosting.teams.roles import Permission
from hosting.web.access.origin import origin_of
from hosting.web.access.throttle import attempts_to_record


class Withholding(Protocol):
    """A form that offers less to people with fewer permissions."""

    is_bound: bool

    def withheld(self) -> Permission | None:
        """The missing permission, when something was posted that the form doesn't offer."""


def record_rejection(request: HttpRequest, rejection: Rejected) -> None:
    """Record a rejection when it refuses the person, and not only their values."""
    if rejection.refusal is not None:
        record_refusal(request, rejection.refusal)


def record_withheld(request: HttpRequest, form: Withholding) -> None:
    """Record that a form was sent with a choice that it doesn't offer to this person."""
    if form.is_bound and (permission := form.withheld()):
        record_refusal(request, permission)


def record_not_found(request: HttpRequest) -> None:
    """Record that a form named something that is not there for this person. Links that lead nowhere are no attempt."""
    if request.method not in {"GET", "HEAD", "OPTIONS"}:
        record_refusal(request, Refusal.NOT_FOUND)


def record_refusal(request: HttpRequest, reason: str, *, member: Membership | None = None) -> None:
    """Record that this request was refused, in the audit log of its team, or of all teams of the person.

    `reason` is the value of a permission, a policy or a `Refusal`; `member` is set where a form chooses the team.
    """
    page = (request.resolver_match.url_name if request.resolver_match else "") or ""
    account = getattr(request, "account", None)
    for each in sorted([member] if member else _members(request), key=lambda one: one.team_id):
        times = attempts_to_record(
            f"refused:{each.team_id}", str(each.user_id), each.via.address, detail=f"{page}:{reason}"
        )
        if times:
            record(
                each.team_id,
                by=each,
                action="page.refused",
                subject=account.label if account else each.team.name,
                account=account.pk if account else None,
                outcome="refused",
                page=page,
                method=request.method,
                reason=reason,
                times=times,
            )


def _members(request: HttpRequest) -> list[Membership]:
    """The membership of this request; all of the person's where the page belongs to no team."""
    member: Membership | None = getattr(request, "member", None)
    if member is not None:
        return [member]
    known: list[Membership] | None = getattr(request, "memberships", None)
    if known is not None:
        return known
    found = list(Membership.objects.current().filter(user=request.user.pk).select_related("team", "user"))
    for each in found:
        each.via = origin_of(request)
    return found
