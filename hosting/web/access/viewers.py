"""Whether people at open consoles may still be there: the rules of pages, for many at once and without a request."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.teams.access.policy import RequestDetails, denial
from hosting.teams.models import Membership
from hosting.teams.policies import second_factor
from hosting.teams.roles import Permission
from hosting.viewings.models import Viewing
from hosting.web.access import own_sessions
from hosting.web.access.session_store import SessionStore
from hosting.web.access.team_policies import signed_in_at

_Members = Mapping[tuple[int, int], Membership]


def admitted(viewings: Sequence[Viewing]) -> set[int]:
    """The keys of the viewings whose person may still be there. At most five queries, however many there are.

    Their session is valid, they are active and in the team, the team's policies admit them, and their role has the
    permission for consoles and covers the account.
    """
    now = timezone.now()
    members = _members(viewings)
    sessions = {
        row.session_key: row
        for row in Session.objects.filter(session_key__in={each.session for each in viewings}, expire_date__gt=now)
    }
    teams = dict(
        Account.objects.filter(pk__in={each.account_id for each in viewings}).values_list("pk", "team_id").order_by()
    )
    asking = {member.user_id for member in members.values() if member.team.policy().two_factor_since}
    having = second_factor.holders(asking) if asking else set()
    found = set()
    for viewing in viewings:
        member = members.get((viewing.user_id or 0, teams.get(viewing.account_id, 0)))
        session = sessions.get(viewing.session)
        if member is None or session is None or not _reaches(member, viewing.account_id):
            continue
        if _is_admitted(member, session, viewing.address, now, has_second_factor=member.user_id in having):
            found.add(viewing.pk)
    return found


def _members(viewings: Sequence[Viewing]) -> _Members:
    """The current memberships of these people in these teams, by the keys of both."""
    found = (
        Membership.objects.current()
        .filter(
            user__in={each.user_id for each in viewings},
            team__in={each.team_id for each in viewings},
            user__is_active=True,
        )
        .select_related("user", "team")
        .prefetch_related("accounts")
    )
    return {(member.user_id, member.team_id): member for member in found}


def _reaches(member: Membership, account_id: int) -> bool:
    reach = member.reach()
    return member.may(Permission.CONSOLE) and (reach is None or account_id in reach)


def _is_admitted(member: Membership, session: Session, address: str, now: datetime, *, has_second_factor: bool) -> bool:
    request = _request_of(member, session)
    if request is None:
        return False
    details = RequestDetails(
        now=now, address=address, signed_in_at=signed_in_at(request), has_second_factor=has_second_factor
    )
    return denial(member.team.policy(), member.created_at, details) is None


def _request_of(member: Membership, session: Session) -> HttpRequest | None:
    """A request of the session, as far as rules need one; None when it is not the person's any more."""
    kept = session.get_decoded()
    if kept.get(SESSION_KEY) != str(member.user_id) or not own_sessions.opens(session, member.user):
        return None
    request = HttpRequest()
    request.session = SessionStore()
    request.session.update(kept)
    request.user = member.user
    return request
