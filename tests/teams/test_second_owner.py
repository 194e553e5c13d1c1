"""Raising or removing a spending limit waits for a second owner, where there is one."""

from decimal import Decimal

import pytest
from django.utils import timezone

from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team
from hosting.teams.policies import spending_limits as setting
from hosting.teams.policies.models import PendingLimits, SpendingLimit
from hosting.teams.policies.spending_limits import Limits, Outcome
from hosting.teams.rejection import Refusal, Rejected
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
