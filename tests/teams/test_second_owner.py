"""Raising or removing a spending limit waits for a second owner, where there is one."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team
from hosting.teams.ownership import SETTLES_AFTER
from hosting.teams.people import members
from hosting.teams.people.acceptance import accept_as_new
from hosting.teams.people.links import Link
from hosting.teams.people.membership_rules import Grant
from hosting.teams.policies import spending_limits as setting
from hosting.teams.policies.models import PendingLimits, SpendingLimit
from hosting.teams.policies.spending_limits import Limits, Outcome
from hosting.teams.rejection import Refusal, Rejected
from hosting.teams.request_origin import NO_ORIGIN
from hosting.teams.roles import NotAllowedError, Role
from tests import factories

pytestmark = pytest.mark.django_db
BEFORE = Limits(4, Decimal("50.00"))


@pytest.fixture
def ada() -> Membership:
    owner = factories.member()
    SpendingLimit.objects.create(team=owner.team, role=Role.BILLING, shares=4, money="50.00")
    return owner


@pytest.fixture
def ben(ada: Membership) -> Membership:
    return factories.member(of=ada.team)


def ask(by: Membership, wanted: Limits, *, need_second_owner: bool | None = None) -> Outcome:
    return setting.set_limits({Role.BILLING: wanted}, by=by, need_second_owner=need_second_owner)


def now(by: Membership) -> Limits:
    return setting.limits_of(by.team_id)[Role.BILLING]


def waiting(by: Membership) -> PendingLimits:
    found = setting.pending_of(by.team_id)
    assert found
    return found


RAISED = [Limits(5, BEFORE.money), Limits(4, Decimal("50.01")), Limits(None, BEFORE.money), Limits(4), Limits()]
RAISED += [Limits(1, Decimal(99)), Limits(9, Decimal(1))]


@pytest.mark.parametrize("wanted", RAISED)
def test_raised_or_removed_limit_waits_for_another_owner(ada: Membership, ben: Membership, wanted: Limits) -> None:
    assert ask(ada, wanted) is Outcome.PENDING
    assert now(ada) == BEFORE
    assert setting.confirm(waiting(ben), by=ben)
    assert now(ada) == wanted
    assert setting.pending_of(ada.team_id) is None
    asked, made = AuditEntry.objects.order_by("pk")
    assert (asked.action, asked.actor_id, asked.outcome) == ("team.ceilings_requested", ada.user_id, "held")
    assert (made.action, made.actor_id, made.detail["requested_by"]) == ("team.ceilings", ben.user_id, str(ada.user))
    assert asked.after == made.after


@pytest.mark.parametrize("wanted", [Limits(3, BEFORE.money), Limits(4, Decimal(0)), Limits(0, Decimal(50))])
def test_lower_limit_holds_at_once(ada: Membership, ben: Membership, wanted: Limits) -> None:
    assert ask(ada, wanted) is Outcome.SAVED
    assert now(ada) == wanted


def test_new_limit_holds_at_once(ada: Membership, ben: Membership) -> None:
    assert setting.set_limits({Role.OWNER: Limits(1)}, by=ada) is Outcome.SAVED


@pytest.mark.parametrize("wanted", RAISED)
def test_only_owner_of_a_team_raises_a_limit_alone(ada: Membership, wanted: Limits) -> None:
    factories.member(Role.BILLING, of=ada.team)
    assert ask(ada, wanted) is Outcome.SAVED


def test_former_and_inactive_owners_do_not_count(ada: Membership) -> None:
    inactive = factories.member(of=ada.team)
    inactive.user.is_active = False
    inactive.user.save()
    assert ask(ada, Limits()) is Outcome.SAVED


def test_requester_cannot_confirm(ada: Membership, ben: Membership) -> None:
    ask(ada, Limits())
    with pytest.raises(Rejected) as refused:
        setting.confirm(waiting(ada), by=ada)
    assert refused.value.refusal == Refusal.OWN_REQUEST
    assert now(ada) == BEFORE


@pytest.mark.parametrize("role", [role for role in Role if role != Role.OWNER])
def test_other_roles_cannot_confirm_or_discard(ada: Membership, ben: Membership, role: str) -> None:
    ask(ada, Limits())
    member = factories.member(role, of=ada.team)
    for decide in (setting.confirm, setting.discard):
        with pytest.raises(NotAllowedError):
            decide(waiting(ada), by=member)
    assert now(ada) == BEFORE


def test_owner_of_another_team_decides_nothing(ada: Membership, ben: Membership) -> None:
    ask(ada, Limits())
    stranger = factories.member()
    assert not setting.confirm(waiting(ada), by=stranger)
    assert not setting.discard(waiting(ada), by=stranger)
    assert now(ada) == BEFORE
    assert waiting(ada)


def test_change_of_a_former_owner_can_only_be_discarded(ada: Membership, ben: Membership) -> None:
    ask(ada, Limits())
    Membership.objects.filter(pk=ada.pk).update(role=Role.ADMIN)
    with pytest.raises(Rejected):
        setting.confirm(waiting(ben), by=ben)
    assert setting.discard(waiting(ben), by=ben)
    assert now(ben) == BEFORE
    assert AuditEntry.objects.filter(action="team.ceilings_discarded", actor=ben.user_id).exists()


def test_change_that_was_replaced_meanwhile_is_not_confirmed(ada: Membership, ben: Membership) -> None:
    ask(ada, Limits(5, BEFORE.money))
    seen = waiting(ben)
    ask(ada, Limits())
    assert not setting.confirm(seen, by=ben)
    assert not setting.discard(seen, by=ben)
    assert now(ada) == BEFORE
    assert waiting(ben).requested_at <= timezone.now()


def test_second_owner_is_asked_before_they_are_no_longer_asked(ada: Membership, ben: Membership) -> None:
    assert ask(ada, BEFORE, need_second_owner=False) is Outcome.PENDING
    assert Team.objects.get(pk=ada.team_id).limits_need_second_owner
    assert setting.confirm(waiting(ben), by=ben)
    assert ask(ada, Limits()) is Outcome.SAVED
    assert ask(ada, Limits(), need_second_owner=True) is Outcome.SAVED
    assert ask(ada, BEFORE) is Outcome.SAVED
    assert ask(ada, Limits()) is Outcome.PENDING


def made_owner(by: Membership, *, days_ago: float = 0) -> Membership:
    """Somebody whom `by` has invited as an owner."""
    invitation = factories.invitation(by.team, by=by, role=Role.OWNER)
    link = Link(invitation, invitation.nonce)
    member = accept_as_new(link, name="Second Address", password=factories.PASSWORD, via=NO_ORIGIN)
    return aged(member, days_ago)


def promoted(by: Membership, *, days_ago: float = 0) -> Membership:
    """A member whom `by` has made an owner."""
    member = factories.member(Role.VIEWER, of=by.team)
    members.change(member, Grant(Role.OWNER), by=by)
    return aged(member, days_ago)


def transferred(by: Membership, *, days_ago: float = 0) -> Membership:
    """A member to whom `by` has transferred the ownership, and stayed an owner."""
    member = factories.member(Role.VIEWER, of=by.team)
    members.transfer(member, stay=True, by=by)
    return aged(member, days_ago)


def aged(member: Membership, days: float) -> Membership:
    Membership.objects.filter(pk=member.pk).update(owner_since=timezone.now() - timedelta(days=days))
    return Membership.objects.select_related("team", "user").get(pk=member.pk)


BY_ANOTHER = [made_owner, promoted, transferred]
BEFORE_SETTLED, SETTLED = SETTLES_AFTER.days - 0.01, SETTLES_AFTER.days + 0.01


def assert_cannot_confirm(by: Membership) -> None:
    with pytest.raises(Rejected) as refused:
        setting.confirm(waiting(by), by=by)
    assert refused.value.refusal == Refusal.NEW_OWNER
    assert now(by) == BEFORE


@pytest.mark.parametrize("make", BY_ANOTHER)
@pytest.mark.parametrize("days", [0, BEFORE_SETTLED])
def test_new_owner_cannot_confirm_for_the_owner_who_added_them(
    ada: Membership, ben: Membership, make: Callable[..., Membership], days: float
) -> None:
    second = make(ada, days_ago=days)
    assert ask(ada, Limits()) is Outcome.PENDING
    assert setting.who_confirms(waiting(ada)) == [ben.user]
    assert_cannot_confirm(second)
    assert setting.confirm(waiting(ben), by=ben)


def test_owner_who_was_added_after_the_request_cannot_confirm_it(ada: Membership, ben: Membership) -> None:
    ask(ada, Limits())
    assert_cannot_confirm(made_owner(ada))


def test_owner_cannot_confirm_for_the_new_owner_whom_they_added(ada: Membership, ben: Membership) -> None:
    assert ask(made_owner(ada), Limits()) is Outcome.PENDING
    assert_cannot_confirm(ada)
    assert setting.confirm(waiting(ben), by=ben)


def test_chain_of_new_owners_counts_as_who_began_it(ada: Membership, ben: Membership) -> None:
    between = made_owner(ada)
    last = made_owner(between)
    members.leave(by=between)
    ask(ada, Limits())
    assert_cannot_confirm(last)


def test_new_owner_confirms_for_another_owner_than_the_one_who_added_them(ada: Membership, ben: Membership) -> None:
    new = made_owner(ben)
    ask(ada, Limits())
    assert setting.confirm(waiting(new), by=new)


@pytest.mark.parametrize("make", BY_ANOTHER)
def test_owner_confirms_once_the_others_had_time_to_notice_them(
    ada: Membership, ben: Membership, make: Callable[..., Membership]
) -> None:
    settled = make(ada, days_ago=SETTLED)
    ask(ada, Limits())
    assert setting.confirm(waiting(settled), by=settled)


def test_member_who_becomes_an_owner_again_is_new_again(ada: Membership, ben: Membership) -> None:
    second = made_owner(ada, days_ago=SETTLED)
    members.change(second, Grant(Role.ADMIN), by=ada)
    members.change(second, Grant(Role.OWNER), by=ada)
    ask(ada, Limits())
    assert_cannot_confirm(Membership.objects.get(pk=second.pk))


def test_first_two_owners_of_a_team_confirm_for_each_other_at_once(ada: Membership) -> None:
    ben = made_owner(ada)
    for requester, other in ((ada, ben), (ben, ada)):
        setting.set_limits({Role.BILLING: BEFORE}, by=requester)
        assert ask(requester, Limits()) is Outcome.PENDING
        assert setting.confirm(waiting(other), by=other)


def remove(member: Membership, by: Membership) -> None:
    members.remove(member, by=by)


def demote(member: Membership, by: Membership) -> None:
    members.change(member, Grant(Role.ADMIN), by=by)


REMOVALS = [remove, demote]


@pytest.mark.parametrize("take", REMOVALS)
@pytest.mark.parametrize("second", [False, True])
def test_owner_who_removes_the_other_does_not_raise_limits_alone_at_once(
    ada: Membership, ben: Membership, take: Callable[..., None], second: bool
) -> None:
    if second:
        made_owner(ada)
    take(ben, by=ada)
    for wanted, need in ((Limits(), None), (BEFORE, False)):
        with pytest.raises(Rejected) as refused:
            ask(ada, wanted, need_second_owner=need)
        assert refused.value.refusal == Refusal.OWNER_REMOVED
    assert ask(ada, Limits(1, BEFORE.money)) is Outcome.SAVED
    Team.objects.update(owner_removed_at=timezone.now() - timedelta(days=SETTLED))
    assert ask(ada, Limits()) is (Outcome.PENDING if second else Outcome.SAVED)


def test_change_that_waits_is_not_confirmed_after_the_other_owner_was_removed(ada: Membership, ben: Membership) -> None:
    ask(ada, Limits())
    second = made_owner(ada)
    members.remove(ben, by=ada)
    with pytest.raises(Rejected) as refused:
        setting.confirm(waiting(second), by=second)
    assert refused.value.refusal == Refusal.OWNER_REMOVED
    assert now(ada) == BEFORE


def test_third_owner_still_confirms_after_the_second_was_removed(ada: Membership, ben: Membership) -> None:
    third = factories.member(of=ada.team)
    members.remove(ben, by=ada)
    assert ask(ada, Limits()) is Outcome.PENDING
    assert setting.confirm(waiting(third), by=third)


def test_owner_who_leaves_or_was_added_by_mistake_is_not_missed(ada: Membership, ben: Membership) -> None:
    members.leave(by=ben)
    members.remove(made_owner(ada), by=ada)
    assert ask(ada, Limits()) is Outcome.SAVED
