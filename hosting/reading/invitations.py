"""Invitations that need somebody: their mail can't be delivered, is late, or nobody answered it in time."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from django.db.models import Count, Q

from hosting.mail.models import OutgoingMail
from hosting.mail.outbox import SENT_WITHIN
from hosting.teams.models import Membership
from hosting.teams.people.links import ABOUT
from hosting.teams.people.models import Invitation
from hosting.teams.roles import Permission


class Problem(StrEnum):
    """Why an invitation needs somebody."""

    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    # The mail server has not taken its mail yet.
    UNSENT = "unsent"


def problems(invitations: Iterable[Invitation], now: datetime) -> dict[int, Problem]:
    """The problem of each invitation that has one, by key. One query."""
    unsent = _unsent(now)
    found = {each.pk: _problem(each, unsent, now) for each in invitations}
    return {pk: problem for pk, problem in found.items() if problem}


def counts(members: Iterable[Membership], now: datetime) -> dict[int, int]:
    """The number of such invitations in each team whose people one of the members manages. Two queries."""
    teams = [each.team_id for each in members if each.may_for_all(Permission.MANAGE_PEOPLE)]
    if not teams:
        return {}
    wrong = Q(mail_failed_at__isnull=False) | Q(expires_at__lte=now) | Q(pk__in=_unsent(now))
    rows = Invitation.objects.unanswered().filter(wrong, team__in=teams).order_by()
    return dict(rows.values_list("team_id").annotate(count=Count("*")))


def _problem(invitation: Invitation, unsent: set[int], now: datetime) -> Problem | None:
    if invitation.mail_failed_at:
        return Problem.UNDELIVERED
    if invitation.has_expired(now):
        return Problem.EXPIRED
    return Problem.UNSENT if invitation.pk in unsent else None


def _unsent(now: datetime) -> set[int]:
    """The keys of invitations whose mail has waited for too long."""
    late = OutgoingMail.objects.filter(about__startswith=ABOUT, created_at__lt=now - SENT_WITHIN)
    return {int(about.removeprefix(ABOUT)) for about in late.values_list("about", flat=True)}
