"""The job that tests a candidate: one login of its own, never through the cached session, and what came of it."""

import logging

import redis
from django.db import transaction

from hosting.accounts import availability, credential_rotation, session_store, versions
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account, Candidate
from hosting.accounts.sealing import UnreadableSecretError, unseal
from hosting.accounts.signing_in import longest_s, refusal_of, sign_in
from hosting.api import ApiError, NotEncodable, NotSent, RateLimited, Unanswered

log = logging.getLogger(__name__)

_PAUSE_S = 2.0
# The provider has a fault of its own: it is not asked every moment.
_FAULT_PAUSE_S = 10.0
# A worker that died in a test keeps it so much longer than the test can take.
_SPARE_S = 15


def run(candidate_id: int) -> None:
    """Test a candidate. Does nothing when it is over, replaced, or in somebody else's hands."""
    candidate = (
        Candidate.objects.select_related("account__endpoint", "account__team")
        .filter(pk=candidate_id, state__in=Candidate.OPEN)
        .first()
    )
    if candidate is None or not credential_rotation.claim(candidate, seconds=longest_s() + _SPARE_S):
        return
    account = candidate.account
    if not availability.may_call(account.endpoint):
        credential_rotation.postpone(candidate, seconds=_PAUSE_S, unanswered=True)
        return
    try:
        password = unseal(candidate.sealed_password or account.sealed_password)
    except UnreadableSecretError:
        credential_rotation.refuse(candidate, Candidate.Refusal.SEAL)
        return
    try:
        session_id = sign_in(
            account.endpoint,
            name=candidate.login,
            password=password,
            handle=candidate.handle,
            priority=Priority.MEMBER,
        )
    except (NoAllowanceError, redis.RedisError) as error:
        log.info("A login waits to be tested: %s", type(error).__name__)
        credential_rotation.postpone(candidate, seconds=_PAUSE_S)
    except ApiError as error:
        _note(account, error)
        _judge(candidate, error)
    else:
        _note(account, None)
        _use(candidate, account, password, session_id)


def _judge(candidate: Candidate, error: ApiError) -> None:
    """A refusal of what is still to be tested ends the test; anything else is tried again."""
    if trouble := refusal_of(error):
        if credential_rotation.password_was_replaced(candidate):
            credential_rotation.postpone(candidate, seconds=0)
            return
        credential_rotation.refuse(candidate, Candidate.Refusal(trouble.value), error.message)
        return
    match error:
        case RateLimited():
            credential_rotation.postpone(candidate, seconds=error.retry_after_s)
        case NotSent() | Unanswered():
            credential_rotation.postpone(candidate, seconds=_PAUSE_S, unanswered=True)
        case _:
            credential_rotation.postpone(candidate, seconds=_FAULT_PAUSE_S, unanswered=True)


def _use(candidate: Candidate, account: Account, password: str, session_id: str) -> None:
    """Accepted. The session that proved it is the account's first; those of the old credentials are forgotten."""
    others = credential_rotation.siblings(account, login=candidate.login).select_related("endpoint")
    before = [
        Account.objects.select_related("endpoint").get(pk=account.pk),
        *(others if candidate.new_password else ()),
    ]
    if not credential_rotation.accept(candidate):
        return
    account.login, account.handle = candidate.login, candidate.handle
    try:
        for old in before:
            session_store.drop(old)
        session_store.put(session_store.session_key(account, password), session_id)
    except redis.RedisError:
        log.info("A new session was not kept: Redis is away")
    with transaction.atomic():
        # The page shows the session.
        versions.bump(account.pk)


def _note(account: Account, error: ApiError | None) -> None:
    match error:
        case NotEncodable():
            return
        case NotSent() | Unanswered():
            availability.record_no_answer(account.endpoint_id)
        case _:
            availability.record_answer(account.endpoint)
