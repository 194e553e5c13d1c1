"""Record refused requests of members in the audit log."""

from django.http import HttpRequest

from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.web.access.throttle import attempts_to_record


def record_refusal(request: HttpRequest, reason: str) -> None:
    """Record that this request was refused, in the audit log of its team, or of all teams of the person.

    `reason` is the value of a permission or a policy.
    """
    page = (request.resolver_match.url_name if request.resolver_match else "") or ""
    member: Membership | None = getattr(request, "member", None)
    members = [member] if member else getattr(request, "memberships", [])
    account = getattr(request, "account", None)
    for each in sorted(members, key=lambda one: one.team_id):
        times = attempts_to_record(f"refused:{each.team_id}:{page}:{reason}", str(each.user_id), each.via.address)
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
