"""Connecting a reseller login to a team, and correcting it later. The password is write-only.

Nothing that is given here is used before the provider has accepted it: see `candidates`.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosting.accounts import credential_rotation, session_store, versions
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.jobs import Job, enqueue
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.roles import Permission


class CredentialsNotAcceptedError(Exception):
    """The login does not work, or nobody knows yet whether it does: it gets no other handle."""


def connect(*, by: Membership, endpoint: Endpoint, label: str, login: str, handle: str, password: str) -> Account:
    """Save a reseller login for the member's team, and have it tested. It is read once the provider has accepted it.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        django.db.IntegrityError: when the team has this login and handle at this endpoint already.
    """
    by.require_for_all(Permission.MANAGE_ACCOUNTS)
    account = Account(team=by.team, endpoint=endpoint, label=label, login=login, handle=handle)
    account.sealed_password = seal(password)
    return _connected(account, by=by)


def add_handle(account: Account, *, by: Membership, label: str, handle: str) -> Account:
    """Connect another handle of the same login. Its password is used again; nobody types or sees it.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        CredentialsNotAcceptedError: when the login does not work, or was not tested yet.
        django.db.IntegrityError: when the team has this handle of the login already.
    """
    by.require_for_all(Permission.MANAGE_ACCOUNTS)
    by.require(Permission.MANAGE_ACCOUNTS, account)
    if account.trouble not in (Account.Trouble.NONE, Account.Trouble.HANDLE):
        raise CredentialsNotAcceptedError
    other = Account(team=account.team, endpoint=account.endpoint, label=label, login=account.login, handle=handle)
    other.sealed_password = account.sealed_password
    return _connected(other, by=by)


def _connected(account: Account, *, by: Membership) -> Account:
    account.trouble = Account.Trouble.UNTESTED
    with transaction.atomic():
        account.save(force_insert=True)
        record(
            by.team,
            by=by,
            action="account.connected",
            subject=account.label,
            account=account.pk,
            thing="login",
            after={"label": account.label, "login": account.login, "handle": account.handle},
        )
        credential_rotation.start_test(account, by=by)
    return account


def update(account: Account, *, by: Membership, label: str, handle: str, login: str = "", password: str = "") -> bool:
    """Rename an account, and have new credentials tested: they replace the old ones when the provider accepts them.

    An empty password is the stored one. What does not work is tested again as it is.

    Returns: whether something is being tested now.

    Raises:
        NotAllowedError: when the member may not manage accounts; for a new password, all that have the same login; for
            another handle with the stored password, all of the team.
        django.db.IntegrityError: when the team has this login and handle at this endpoint already.
    """
    by.require(Permission.MANAGE_ACCOUNTS, account)
    login = login or account.login
    if password or login != account.login:
        # The password belongs to the login: its other handles get it too.
        for other in credential_rotation.siblings(account, login=login):
            by.require(Permission.MANAGE_ACCOUNTS, other)
    if login != account.login and account.mirrored_at:
        raise ValueError("an account that has worked keeps its login")
    with transaction.atomic():
        if credential_rotation.is_taken(account, login=login, handle=handle):
            raise IntegrityError
        if label != account.label:
            _rename(account, label, by)
        tested = credential_rotation.open_of(account)
        known = tested or account
        if handle not in (account.handle, known.handle) and not password:
            # As `add_handle`: what the team's password opens is not chosen by who sees some accounts alone.
            by.require_for_all(Permission.MANAGE_ACCOUNTS)
        differs = bool(password) or (login, handle) != (known.login, known.handle)
        if differs or (account.trouble and not tested):
            credential_rotation.start_test(account, by=by, login=login, handle=handle, password=password)
            return True
        # Whoever keeps what is in use has read how the last test ended.
        credential_rotation.dismiss(account, by=by)
    return tested is not None


def _rename(account: Account, label: str, by: Membership) -> None:
    before, account.label = account.label, label
    Account.objects.filter(pk=account.pk).update(label=label)
    versions.bump(account.pk)
    record(
        by.team,
        by=by,
        action="account.changed",
        subject=label,
        account=account.pk,
        thing="login",
        before={"label": before},
        after={"label": label},
    )


def sign_in_again(account: Account, *, by: Membership) -> None:
    """Forget the session at the provider and open another; an account that is stopped is tested again as it is.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        redis.RedisError: when Redis is away; nothing has changed.
    """
    by.require(Permission.MANAGE_ACCOUNTS, account)
    session_store.drop(account)
    with transaction.atomic():
        if tested := credential_rotation.open_of(account):
            enqueue(Job.PROVE, tested.pk)
        elif account.trouble:
            credential_rotation.start_test(account, by=by)
        else:
            Account.objects.filter(pk=account.pk).update(round_due_at=timezone.now())
            versions.bump(account.pk)
        record(
            by.team, by=by, action="account.signed_in_again", subject=account.label, account=account.pk, thing="login"
        )


def dismiss(account: Account, *, by: Membership) -> None:
    """Put aside how the last test ended.

    Raises:
        NotAllowedError: when the member may not manage accounts.
    """
    by.require(Permission.MANAGE_ACCOUNTS, account)
    credential_rotation.dismiss(account, by=by)
