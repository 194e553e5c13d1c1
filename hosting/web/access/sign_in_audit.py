"""Record sign-ins, sign-outs and second factors in the audit log and in the list of a person's sessions.

Signals are the public interface of django-allauth for this. All receivers are here.
"""

from typing import Any

from allauth.account import signals as account
from allauth.account.authentication import get_authentication_records
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest

from hosting.jobs import Job, enqueue
from hosting.teams.audit import sign_ins
from hosting.teams.models import User
from hosting.web.access import own_sessions
from hosting.web.access.origin import origin_of
from hosting.web.access.throttle import attempts_to_record


def connect() -> None:
    """Connect the receivers."""
    for signal, receiver in (
        (account.user_logged_in, _signed_in),
        (account.user_logged_in, own_sessions.record),
        (account.password_changed, own_sessions.record),
        (account.password_set, own_sessions.record),
        (account.user_logged_out, _signed_out),
        (user_login_failed, _failed),
        (account.password_changed, _tells("person.password_changed")),
        (account.password_set, _tells("person.password_changed")),
        (account.password_reset, _tells("person.password_reset")),
        (account.email_changed, _tells("person.email_changed")),
        (account.email_added, _tells("person.email_added")),
        (account.email_removed, _tells("person.email_removed")),
        (mfa.authenticator_added, _tells("person.factor_added")),
        (mfa.authenticator_removed, _tells("person.factor_removed")),
        (mfa.authenticator_reset, _tells("person.factor_renewed")),
        (mfa.authentication_failed, _factor_failed),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"hosting:{id(signal)}:{id(receiver)}")


def _signed_in(*, request: HttpRequest, user: User, **_: Any) -> None:
    ways = [str(record.get("type") or record["method"]) for record in get_authentication_records(request, user)]
    sign_ins.record_for_person(user, "person.signed_in", via=origin_of(request), ways=sorted(set(ways)))


def _signed_out(*, request: HttpRequest, user: User | None, **_: Any) -> None:
    if user is not None and user.pk:
        sign_ins.record_for_person(user, "person.signed_out", via=origin_of(request))


def _tells(action: str) -> Any:
    def receiver(*, request: HttpRequest, user: User, authenticator: Any = None, **_: Any) -> None:
        detail = {"factor": str(authenticator.type)} if authenticator is not None else {}
        sign_ins.record_for_person(user, action, via=origin_of(request), **detail)

    return receiver


def _failed(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:
    """Record a failed sign-in in a worker, so that the response takes the same time for known and unknown addresses
    and does not reveal who has an account here.
    """
    if request is None:
        return
    email = str(credentials.get("email", "")).lower()
    address = origin_of(request).address
    attempts = attempts_to_record("sign-in", email, address)
    if attempts:
        known = User.objects.filter(email=email).values_list("pk", flat=True).first()
        enqueue(Job.NOTE_FAILED_SIGN_IN, known or 0, address, attempts)


def _factor_failed(*, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    record_failed_factor(request, user, str(authenticator.type))


def record_failed_factor(request: HttpRequest, user: User, factor: str) -> None:
    """Record a wrong code, or a passkey that was not accepted."""
    via = origin_of(request)
    attempts = attempts_to_record("factor", str(user.pk), via.address)
    if attempts:
        sign_ins.record_for_person(
            user, "person.factor_failed", via=via, outcome="failed", attempts=attempts, factor=factor
        )


def record_wrong_password(request: HttpRequest, user: User) -> None:
    """Record that somebody who is signed in changes the password, and does not know it."""
    via = origin_of(request)
    attempts = attempts_to_record("password", str(user.pk), via.address)
    if attempts:
        sign_ins.record_for_person(user, "person.password_failed", via=via, outcome="failed", attempts=attempts)
