"""The job that tests new credentials: it logs in separately, never through a cached session, and stores the result."""

import logging

import redis
from django.db import transaction

from hosting.accounts import availability, credential_rotation, session_store, versions
from hosting.accounts.limits import NoAllowanceError, Priority
from hosting.accounts.models import Account, Candidate
from hosting.accounts.sealing import UnreadableSecretError, unseal
from hosting.accounts.signing_in import refusal_of, sign_in
from hosting.api import ApiError, NotEncodable, NotSent, RateLimited, Unanswered

log = logging.getLogger(__name__)

_PAUSE_S = 2.0
# The provider itself is failing, so retry less often.
_FAULT_PAUSE_S = 10.0


def run(candidate_id: int) -> None:
    """Test a candidate. Does nothing when it is over, was replaced, or is claimed by another worker."""
    candidate = (
        Candidate.objects.select_related("account__endpoint", "account__team")
        .filter(pk=candidate_id, state__in=Candidate.OPEN)
        .first()
    )
    if candidate is None:
        return
    with credential_rotation.claimed(candidate) as is_ours:
        if is_ours:
            _test(candidate)


def _test(candidate: Candidate) -> None:
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
    """End the test if the provider refused these credentials; retry after any other error."""
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
    """Put accepted credentials to use: keep the session of the test, and drop sessions of the old credentials."""
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
        # The account's page shows the session.
        versions.bump(account.pk)


def _note(account: Account, error: ApiError | None) -> None:
    match error:
        case NotEncodable():
            return
        case NotSent() | Unanswered():
            availability.record_no_answer(account.endpoint_id)
        case _:
            availability.record_answer(account.endpoint)
