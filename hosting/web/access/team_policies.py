"""Which of a person's teams admit a request under their policies, and the response when one does not.

`access/scope.py` calls this for every page. The rules are in `hosting/teams/access/policy.py`.

Decision: docs/decisions/0023-policies-in-one-place.md
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isinf

from django.contrib import messages
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from hosting.teams.access.policy import Denial, RequestDetails, denial, grace_until
from hosting.teams.models import Membership
from hosting.teams.policies import second_factor
from hosting.web.access import reauthentication
from hosting.web.answers import errors
from hosting.web.wording.formats import hours
from hosting.web.wording.isolation import flash


@dataclass(frozen=True)
class GracePeriod:
    """A team that requires a second factor from its member soon, and the end of the grace period."""

    member: Membership
    until: datetime


@dataclass(frozen=True)
class BlockedTeam:
    """A team whose policies block this request."""

    member: Membership
    bar: Denial


@dataclass(frozen=True)
class Admission:
    """A person's memberships: those that this request may use (`open`), those blocked, and those in a grace period."""

    open: list[Membership]
    blocked: list[BlockedTeam]
    grace_periods: list[GracePeriod]

    def bar_of(self, member: Membership) -> Denial | None:
        return next((each.bar for each in self.blocked if each.member is member), None)


def admit(request: HttpRequest, members: Sequence[Membership]) -> Admission:
    """Apply each team's policies. One query when a team requires a second factor, otherwise none."""
    policies = {member.pk: member.team.policy() for member in members}
    asks = any(policy.two_factor_since for policy in policies.values())
    facts = RequestDetails(
        now=timezone.now(),
        address=members[0].via.address if members else "",
        signed_in_at=signed_in_at(request),
        has_second_factor=asks and bool(second_factor.holders({member.user_id for member in members})),
    )
    admission = Admission([], [], [])
    for member in members:
        policy = policies[member.pk]
        if reason := denial(policy, member.created_at, facts):
            admission.blocked.append(BlockedTeam(member, reason))
            continue
        admission.open.append(member)
        until = grace_until(policy, member.created_at, has_second_factor=facts.has_second_factor)
        if until is not None:
            admission.grace_periods.append(GracePeriod(member, until))
    return admission


def signed_in_at(request: HttpRequest) -> datetime | None:
    """When the person last authenticated in this session; None when unknown."""
    age = reauthentication.seconds_since(request)
    return None if isinf(age) else timezone.now() - timedelta(seconds=age)


def answer(request: HttpRequest, member: Membership, bar: Denial) -> HttpResponseBase:
    """The response of a page when the team's policies block the request: why, and what to do."""
    if request.headers.get("HX-Request"):
        # Reload the whole page: its content must disappear, and the reloaded page says why.
        return HttpResponseClientRefresh()
    names = {"team": member.team.name}
    match bar:
        case Denial.NETWORK:
            return errors.wrong_network(request, member)
        case Denial.SESSION:
            length = {**names, "length": conditional_escape(hours(member.team.session_hours or 0))}
            words = _("Confirm it's you. %(team)s requires this %(length)s after you sign in.")
            messages.info(request, flash(words, **length))
            return reauthentication.redirect_to_confirm(request)
        case Denial.TWO_FACTOR:
            messages.warning(
                request,
                _("%(team)s requires two-factor authentication. Set it up here to get access to the team again.")
                % names,
            )
            return HttpResponseRedirect(reverse("mfa_index"), status=303 if request.method == "POST" else 302)
