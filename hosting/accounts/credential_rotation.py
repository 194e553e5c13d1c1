"""Test new credentials beside the ones in use, and replace those once the provider accepts the new ones.

The `Candidate` row says what is to be tested and how the test ended. The job that runs the test may get lost: the sweep
enqueues it again. Later credentials replace earlier ones that are still being tested.

Decision: docs/decisions/0004-credentials-are-tested-first.md
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from hosting import leases
from hosting.accounts import versions
from hosting.accounts.models import Account, Candidate
from hosting.accounts.sealing import seal
from hosting.jobs import Job, enqueue
from hosting.teams.audit.log import record
from hosting.teams.models import Membership

# Credentials that could not be tested within this time are dropped.
LIFE = timedelta(days=1)
# A job that has not started by then counts as lost, and the sweep enqueues it again.
_JOB_LOST_AFTER_S = 5
_BATCH = 200

# The trouble of an account that has never worked, by why its credentials were refused.
_TROUBLE = {
    Candidate.Refusal.CREDENTIALS: Account.Trouble.CREDENTIALS,
    Candidate.Refusal.HANDLE: Account.Trouble.HANDLE,
    Candidate.Refusal.SEAL: Account.Trouble.SEAL,
}


def start_test(account: Account, *, by: Membership, login: str = "", handle: str = "", password: str = "") -> Candidate:
    """Start the test of these credentials; empty ones stand for those in use. Call it in a transaction.

    It replaces an earlier candidate that is still being tested. If only the earlier one brought a new password, that
    password is tested with the new candidate.
    """
    Account.objects.select_for_update(no_key=True).filter(pk=account.pk).first()
    earlier = open_of(account)
    Candidate.objects.filter(account=account).delete()
    now = timezone.now()
    kept = earlier.sealed_password if earlier and not password else ""
    candidate = Candidate.objects.create(
        account=account,
        login=login or account.login,
        handle=handle or account.handle,
        sealed_password=kept or seal(password),
        new_password=bool(kept or password),
        requested_by=by.person,
        asked_at=now,
        due_at=now + timedelta(seconds=_JOB_LOST_AFTER_S),
    )
    changed = [
        name
        for name, differs in (
            ("login", candidate.login != account.login),
            ("handle", candidate.handle != account.handle),
            ("password", bool(password)),
        )
        if differs
    ]
    versions.bump(account.pk)
    record(
        account.team,
        by=by,
        action="account.test_asked",
        subject=account.label,
        account=account.pk,
        thing="login",
        changed=changed,
        before={name: getattr(account, name) for name in changed if name != "password"} or None,
        after={name: getattr(candidate, name) for name in changed if name != "password"} or None,
        replaced=earlier is not None,
    )
    enqueue(Job.PROVE, candidate.pk)
    return candidate


def lock(account: Account) -> None:
    """Lock an account and its candidate until the transaction ends, before the first entry of the audit log."""
    Account.objects.select_for_update(no_key=True).filter(pk=account.pk).first()
    Candidate.objects.select_for_update(no_key=True).filter(account=account).first()


def open_of(account: Account) -> Candidate | None:
    """The credentials being tested for an account, if any."""
    return Candidate.objects.filter(account=account, state__in=Candidate.OPEN).first()


def password_was_replaced(candidate: Candidate) -> bool:
    """Whether the candidate tests the stored password, and that was replaced since `candidate.account` was read."""
    account = candidate.account
    same = Account.objects.filter(pk=account.pk, sealed_password=account.sealed_password)
    return not candidate.sealed_password and not same.exists()


@contextmanager
def claimed(candidate: Candidate) -> Iterator[bool]:
    """Keep a claim on a candidate while the block runs. False when another worker has it, or its test is over."""
    if not _open(candidate).filter(leases.free()).update(claimed_until=leases.until()):
        yield False
        return
    with leases.kept(_open(candidate)):
        yield True


def postpone(candidate: Candidate, *, seconds: float, unanswered: bool = False) -> None:
    """Release a candidate that could not be tested now; the sweep tries again after so many seconds."""
    changes: dict[str, object] = {"claimed_until": None, "due_at": timezone.now() + timedelta(seconds=seconds)}
    if unanswered:
        changes["state"] = Candidate.State.UNANSWERED
    with transaction.atomic():
        _lock(candidate)
        news = unanswered and candidate.state != Candidate.State.UNANSWERED
        if _open(candidate).update(**changes) and news:
            versions.bump(candidate.account_id)


def accept(candidate: Candidate) -> bool:
    """Make an accepted candidate the account's credentials, in one transaction. False when it was replaced meanwhile.

    A new password belongs to the login, so the team's other accounts of that login get it too.
    """
    try:
        with transaction.atomic():
            return _accept(candidate)
    except IntegrityError:
        # This login and handle were connected as another account during the test.
        refuse(candidate, Candidate.Refusal.TAKEN)
        return False


def _accept(candidate: Candidate) -> bool:
    account = Account.objects.select_related("team").get(pk=candidate.account_id)
    # Lock all accounts that may get the password, in a fixed order: two candidates may be accepted at once.
    family = Account.objects.filter(Q(pk=account.pk) | Q(pk__in=siblings(account, login=candidate.login)))
    list(family.order_by("pk").select_for_update(no_key=True))
    if not _end(candidate, Candidate.State.ACCEPTED):
        return False
    used: dict[str, object] = {
        "login": candidate.login,
        "handle": candidate.handle,
        "trouble": Account.Trouble.NONE,
        # The next sweep reads the account. Enqueuing that here as well would read everything twice.
        "round_due_at": None,
        "track_due_at": None,
    }
    if candidate.sealed_password:
        used["sealed_password"] = candidate.sealed_password
    Account.objects.filter(pk=account.pk).update(**used)
    versions.bump(account.pk)
    others = _pass_on(candidate, account) if candidate.sealed_password else []
    record(
        account.team,
        by=None,
        action="account.test_accepted",
        subject=account.label,
        account=account.pk,
        thing="login",
        before={"login": account.login, "handle": account.handle},
        after={"login": candidate.login, "handle": candidate.handle},
        password=bool(candidate.sealed_password),
    )
    for other in others:
        record(
            account.team,
            by=None,
            action="account.password_passed_on",
            subject=other.label,
            account=other.pk,
            thing="login",
            source=account.label,
        )
    return True


def _pass_on(candidate: Candidate, account: Account) -> list[Account]:
    """Copy the password to the other accounts of its login, resume those it had stopped, and return them all."""
    others = siblings(account, login=candidate.login)
    others.update(sealed_password=candidate.sealed_password)
    stopped = (Account.Trouble.CREDENTIALS, Account.Trouble.SEAL)
    others.filter(trouble__in=stopped).update(trouble=Account.Trouble.NONE, round_due_at=None, track_due_at=None)
    given = list(others)
    for other in given:
        versions.bump(other.pk)
    return given


def siblings(account: Account, *, login: str = "") -> QuerySet[Account]:
    """The team's other accounts with the same login at the same endpoint."""
    same = Account.objects.filter(team=account.team_id, endpoint=account.endpoint_id, login=login or account.login)
    return same.exclude(pk=account.pk)


def visible_siblings(account: Account, *, by: Membership, login: str = "") -> QuerySet[Account]:
    """The siblings that the member may see."""
    return siblings(account, login=login).filter(pk__in=Account.objects.visible_to(by))


def is_taken(account: Account, *, login: str, handle: str) -> bool:
    """Whether another account of the team has this login and handle already."""
    return siblings(account, login=login).filter(handle=handle).exists()


def refuse(candidate: Candidate, refusal: Candidate.Refusal, said: str = "") -> bool:
    """End the test of credentials that were not accepted. The account keeps using its old ones."""
    with transaction.atomic():
        _lock(candidate)
        if not _end(candidate, Candidate.State.REFUSED, refusal=refusal, said=said[:255]):
            return False
        account = candidate.account
        # An account that has never worked has no credentials to fall back on: a person has to fix them.
        Account.objects.filter(pk=account.pk, trouble=Account.Trouble.UNTESTED).update(
            trouble=_TROUBLE.get(refusal, Account.Trouble.UNTESTED)
        )
        versions.bump(account.pk)
        record(
            account.team,
            by=None,
            action="account.test_refused",
            subject=account.label,
            account=account.pk,
            thing="login",
            refusal=refusal.value,
        )
    return True


def expire(candidate: Candidate) -> bool:
    """Drop credentials that could not be tested for a day, so that no unused password stays stored for longer."""
    with transaction.atomic():
        _lock(candidate)
        if not _end(candidate, Candidate.State.EXPIRED):
            return False
        versions.bump(candidate.account_id)
        record(
            candidate.account.team,
            by=None,
            action="account.test_expired",
            subject=candidate.account.label,
            account=candidate.account_id,
            thing="login",
        )
    return True


def dismiss(account: Account, *, by: Membership) -> None:
    """Delete the result of a failed test once a person has dismissed it."""
    with transaction.atomic():
        Account.objects.select_for_update(no_key=True).filter(pk=account.pk).first()
        ended_badly = (Candidate.State.REFUSED, Candidate.State.EXPIRED)
        if Candidate.objects.filter(account=account, state__in=ended_badly).delete()[0]:
            versions.bump(account.pk)
            record(
                account.team,
                by=by,
                action="account.test_dismissed",
                subject=account.label,
                account=account.pk,
                thing="login",
            )


def sweep(now: datetime) -> None:
    """Enqueue lost tests again, and expire those that could not run in time."""
    unfinished = Candidate.objects.filter(state__in=Candidate.OPEN)
    for candidate in unfinished.filter(asked_at__lte=now - LIFE).select_related("account__team")[:_BATCH]:
        expire(candidate)
    # While the endpoint is away, only one call at a time probes it.
    may_try = Q(account__endpoint__away_since=None) | Q(account__endpoint__probe_due_at__lte=now)
    due = list(unfinished.filter(leases.free(), may_try, due_at__lte=now).values_list("pk", flat=True)[:_BATCH])
    if due:
        Candidate.objects.filter(pk__in=due).update(due_at=now + timedelta(seconds=_JOB_LOST_AFTER_S))
    for pk in due:
        enqueue(Job.PROVE, pk)


def _lock(candidate: Candidate) -> None:
    """Lock the account before its candidate, in the order in which `start_test` does."""
    Account.objects.select_for_update(no_key=True).filter(pk=candidate.account_id).first()


def _open(candidate: Candidate) -> QuerySet[Candidate]:
    return Candidate.objects.filter(pk=candidate.pk, state__in=Candidate.OPEN)


def _end(candidate: Candidate, state: Candidate.State, **fields: object) -> bool:
    """Move an open candidate to a final state and delete its password. False when it was final already."""
    return bool(
        _open(candidate).update(state=state, sealed_password="", claimed_until=None, ended_at=timezone.now(), **fields)
    )
