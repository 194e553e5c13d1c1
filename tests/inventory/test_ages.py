"""No page claims an age that one of its numbers does not have, and a sync is under way until it has landed."""

from collections.abc import Iterator, Sequence

import pytest
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.accounts.sessions import ApiSession
from hosting.api import NotSent
from hosting.inventory import ages, mirror, reading, refresh
from hosting.inventory.models import Disk, Vm
from hosting.inventory.reading import Reading
from hosting.operations import rounds
from hosting.teams.models import Membership
from tests.contract.conftest import Member
from tests.engine import Engine


def of(account: Account) -> ages.Ages:
    return ages.of(Account.objects.select_related("info").get(pk=account.pk))


def make_reread_due(account: Account) -> None:
    Account.objects.filter(pk=account.pk).update(reread_due_at=None)
    account.refresh_from_db()


def test_round_is_as_old_as_its_begin(account: Account) -> None:
    before = timezone.now()
    rounds.round_of(account)
    lists, info = of(account).lists, of(account).info
    assert lists is not None
    assert info is not None
    assert before <= lists <= info <= timezone.now()


def test_details_are_as_old_as_the_oldest_row(account: Account, remote: Member) -> None:
    remote.new_vm()
    remote.new_disk()
    rounds.round_of(account)
    make_reread_due(account)
    rounds.round_of(account)
    details = of(account).details
    assert details is not None
    read = [*Vm.objects.values_list("read_at", flat=True), *Disk.objects.values_list("read_at", flat=True)]
    assert details <= min(read)


def test_round_without_a_reread_leaves_the_age_of_details(account: Account) -> None:
    before = of(account).details
    account.refresh_from_db()
    rounds.round_of(account)
    assert of(account).details == before
    assert of(account).lists != before


def test_broken_off_reread_is_continued_and_read_nothing_twice(
    account: Account, remote: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        remote.new_vm()
    rounds.round_of(account)
    make_reread_due(account)
    asked: list[Sequence[int]] = []

    def first_only(session: ApiSession, ids: Sequence[int]) -> Iterator[Reading]:
        yield from reading.read_vms(session, ids[:1])
        if ids:
            raise NotSent("gone")

    def whole(session: ApiSession, ids: Sequence[int]) -> Iterator[Reading]:
        asked.append(ids)
        return reading.read_vms(session, ids)

    monkeypatch.setattr(mirror, "read_vms", first_only)
    with pytest.raises(NotSent):
        rounds.round_of(account)
    account.refresh_from_db()
    begun = account.reread_since
    assert of(account).details != begun
    monkeypatch.setattr(mirror, "read_vms", whole)
    rounds.round_of(account)
    assert [len(ids) for ids in asked if ids] == [2]
    assert of(account).details == begun


def test_second_round_does_not_reread_beside_the_first(account: Account) -> None:
    make_reread_due(account)
    now = timezone.now()
    with ages.reread_if_due(account, now) as since:
        assert since == now
        account.refresh_from_db()
        with ages.reread_if_due(account, timezone.now()) as beside:
            assert beside is None


def test_sync_is_under_way_until_a_round_has_ended_that_began_after_it(
    account: Account, owner: Membership, engine: Engine
) -> None:
    began_before = timezone.now()
    refresh.request_round(account, by=owner)
    ages.finish_round(account, began=began_before)
    account.refresh_from_db()
    assert account.sync_requested_at is not None
    assert account.round_due_at is not None
    assert account.round_due_at <= timezone.now()
    version = account.version
    engine.until(lambda: Account.objects.get(pk=account.pk).sync_requested_at is None, seconds=5)
    account.refresh_from_db()
    assert account.version > version
