"""Members who do the same at the same moment: a team keeps an owner, and an invitation is used once."""

from functools import partial

import pytest

from hosting.teams import rejection
from hosting.teams.models import Membership, User
from hosting.teams.people import acceptance, invitations, members
from hosting.teams.people.acceptance import KnownAddressError
from hosting.teams.people.links import ClosedError, Link
from hosting.teams.people.membership_rules import Grant
from hosting.teams.request_origin import NO_ORIGIN
from hosting.teams.roles import NotAllowedError, Role
from tests import factories
from tests.concurrently import at_once

TIMES = 4

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def by() -> Membership:
    return factories.member()


@pytest.mark.parametrize("way", ["remove", "demote"])
def test_two_owners_end_each_others_ownership(way: str) -> None:
    for _ in range(TIMES):
        one, other = (factories.member(of=team) for team in [factories.team()] * 2)
        if way == "remove":
            works = [partial(members.remove, whom, by=who) for whom, who in ((one, other), (other, one))]
        else:
            works = [partial(members.change, w, Grant(Role.ADMIN), by=b) for w, b in ((one, other), (other, one))]
        at_once(*works, refusals=[rejection.Rejected, NotAllowedError])
        assert Membership.objects.filter(team=one.team, role=Role.OWNER).count() == 1


def test_last_owner_leaves_while_the_other_one_steps_down() -> None:
    for _ in range(TIMES):
        one, other = (factories.member(of=team) for team in [factories.team()] * 2)
        at_once(
            partial(members.leave, by=one),
            partial(members.change, other, Grant(Role.ADMIN), by=other),
            refusals=[rejection.Rejected, NotAllowedError],
        )
        assert Membership.objects.filter(team=other.team, role=Role.OWNER).count() == 1


def test_invitation_is_accepted_twice_by_a_person(by: Membership) -> None:
    for _ in range(TIMES):
        person = factories.user()
        invitation = factories.invitation(by.team, by=by, email=person.email)
        link = Link(invitation, invitation.nonce)
        results = at_once(*[partial(acceptance.accept, link, person=person, via=NO_ORIGIN)] * 2, refusals=[ClosedError])
        assert sum(isinstance(each, ClosedError) for each in results) == 1
        assert Membership.objects.filter(user=person).count() == 1


def test_invitation_is_accepted_twice_by_somebody_new(by: Membership) -> None:
    for _ in range(TIMES):
        invitation = factories.invitation(by.team, by=by)
        link = Link(invitation, invitation.nonce)
        results = at_once(
            *(
                partial(acceptance.accept_as_new, link, name=name, password=factories.PASSWORD, via=NO_ORIGIN)
                for name in ("Ada", "Ben")
            ),
            refusals=[ClosedError, KnownAddressError],
        )
        assert sum(isinstance(each, Membership) for each in results) == 1
        assert User.objects.filter(email=invitation.email).count() == 1


def test_invitations_of_two_teams_are_accepted_by_somebody_new(by: Membership) -> None:
    """Each creates the person: one does, and the other one says that the address is known."""
    for number in range(TIMES):
        others = factories.member()
        both = [factories.invitation(each.team, by=each, email=f"n{number}@example.org") for each in (by, others)]
        results = at_once(
            *(
                partial(
                    acceptance.accept_as_new,
                    Link(invitation, invitation.nonce),
                    name="Ada",
                    password=factories.PASSWORD,
                    via=NO_ORIGIN,
                )
                for invitation in both
            ),
            refusals=[KnownAddressError],
        )
        assert sum(isinstance(each, Membership) for each in results) == 1
        assert User.objects.filter(email=both[0].email).count() == 1


def test_invitation_is_accepted_while_it_is_revoked(by: Membership) -> None:
    for _ in range(TIMES):
        person = factories.user()
        invitation = factories.invitation(by.team, by=by, email=person.email)
        link = Link(invitation, invitation.nonce)
        at_once(
            partial(acceptance.accept, link, person=person, via=NO_ORIGIN),
            partial(invitations.revoke, invitation, by=by),
            refusals=[ClosedError, rejection.Rejected],
        )
        invitation.refresh_from_db()
        assert bool(invitation.accepted_at) != bool(invitation.revoked_at)
        assert Membership.objects.filter(user=person).exists() == bool(invitation.accepted_at)
