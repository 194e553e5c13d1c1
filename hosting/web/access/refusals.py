"""What was refused to a member, in the trail."""

from django.http import HttpRequest

from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.web.access.throttle import attempts_to_record


def record_refusal(request: HttpRequest, reason: str) -> None:
    """Write that this request was refused, in the team that it was about, or in all of the person's teams.

    `reason` is a permission's value, or what a policy is called.
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
