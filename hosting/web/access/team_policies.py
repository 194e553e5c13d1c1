"""Which of a person's teams let this request in, and the answer of one that does not.

`web/scope.py` asks here for every page; the rules themselves are `hosting/teams/access/policy.py`.
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
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from hosting.teams.access import policy as access
from hosting.teams.access.policy import Denial, RequestDetails
from hosting.teams.models import Membership
from hosting.teams.policies import second_factor
from hosting.web.access import reauthentication
from hosting.web.answers import errors
from hosting.web.wording.formats import hours


@dataclass(frozen=True)
class Grace:
    """A team that asks its member for a second factor, and until when it still does without."""

    member: Membership
    until: datetime


@dataclass(frozen=True)
class Barred:
    """A team that does not let this request in."""

    member: Membership
    bar: Denial


@dataclass(frozen=True)
class Door:
    """A person's memberships as this request may use them."""

    open: list[Membership]
    barred: list[Barred]
    graces: list[Grace]

    def bar_of(self, member: Membership) -> Denial | None:
        return next((each.bar for each in self.barred if each.member is member), None)


def open_for(request: HttpRequest, members: Sequence[Membership]) -> Door:
    """Ask each team's policy. One query when a team asks for a second factor, otherwise none."""
    policies = {member.pk: member.team.policy() for member in members}
    asks = any(policy.two_factor_since for policy in policies.values())
    facts = RequestDetails(
        now=timezone.now(),
        address=members[0].via.address if members else "",
        signed_in_at=signed_in_at(request),
        has_second_factor=asks and bool(second_factor.holders({member.user_id for member in members})),
    )
    door = Door([], [], [])
    for member in members:
        policy = policies[member.pk]
        if bar := access.denial(policy, member.created_at, facts):
            door.barred.append(Barred(member, bar))
            continue
        door.open.append(member)
        until = access.grace_until(policy, member.created_at, has_second_factor=facts.has_second_factor)
        if until is not None:
            door.graces.append(Grace(member, until))
    return door


def signed_in_at(request: HttpRequest) -> datetime | None:
    """When the person last proved in this session who they are; None when the session does not know."""
    age = reauthentication.age(request)
    return None if isinf(age) else timezone.now() - timedelta(seconds=age)


def answer(request: HttpRequest, member: Membership, bar: Denial) -> HttpResponseBase:
    """What a page of a team that does not let this request in gives: words, and the way that is left."""
    if request.headers.get("HX-Request"):
        # What the page shows must go, and the page itself then says why.
        return HttpResponseClientRefresh()
    names = {"team": member.team.name}
    match bar:
        case Denial.NETWORK:
            return errors.elsewhere(request, member)
        case Denial.SESSION:
            length = {**names, "length": hours(member.team.session_hours or 0)}
            messages.info(request, _("Confirm it's you. %(team)s requires this %(length)s after you sign in.") % length)
            return reauthentication.ask(request)
        case Denial.TWO_FACTOR:
            messages.warning(
                request,
                _("%(team)s requires two-factor authentication. Set it up here to get access to the team again.")
                % names,
            )
            return HttpResponseRedirect(reverse("mfa_index"), status=303 if request.method == "POST" else 302)
