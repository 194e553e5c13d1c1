"""Connect accounts to a team, rename them, and replace their credentials. Passwords are write-only.

New credentials are used only after the provider has accepted them: see `credential_rotation`.
"""

from django.db import IntegrityError, transaction
from django.utils import timezone

from hosting.accounts import credential_rotation, session_store, versions
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.jobs import Job, enqueue
from hosting.teams import names
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.rejection import invalid
from hosting.teams.roles import Permission

LONGEST_LABEL = 100


class CredentialsNotAcceptedError(Exception):
    """The account's credentials do not work or were not tested yet, so no further handle can be added."""


def connect(*, by: Membership, endpoint: Endpoint, label: str, login: str, handle: str, password: str) -> Account:
    """Connect an account to the member's team and start the test of its credentials.

    The first import starts once the provider has accepted them.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        Invalid: when the label has invisible characters or is the panel's name.
        django.db.IntegrityError: when the team has this login and handle at this endpoint already.
    """
    by.require_for_all(Permission.MANAGE_ACCOUNTS)
    account = Account(team=by.team, endpoint=endpoint, label=label, login=login, handle=handle)
    account.sealed_password = seal(password)
    return _connected(account, by=by)


def add_handle(account: Account, *, by: Membership, label: str, handle: str) -> Account:
    """Connect another handle of the same login. Its stored password is used again, so nobody has to enter it.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        CredentialsNotAcceptedError: when the credentials do not work, or were not tested yet.
        Invalid: as `connect`.
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
    with invalid("label"):
        account.label = names.checked(account.label, names.OF_ACTOR, most=LONGEST_LABEL)
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
    """Rename an account and test new credentials, which replace the old ones once the provider accepts them.

    An empty password stands for the stored one. Credentials that do not work are tested again even if unchanged.

    Returns: whether a test is running now.

    Raises:
        NotAllowedError: when the member may not manage this account; with a new password, all accounts of the same
            login; with another handle and the stored password, all accounts of the team.
        Invalid: as `connect`.
        django.db.IntegrityError: when the team has this login and handle at this endpoint already.
    """
    by.require(Permission.MANAGE_ACCOUNTS, account)
    login = login or account.login
    if password or login != account.login:
        # A password belongs to the login, so the other accounts of that login get it too.
        for other in credential_rotation.siblings(account, login=login):
            by.require(Permission.MANAGE_ACCOUNTS, other)
    if login != account.login and account.mirrored_at:
        raise ValueError("an account that has worked keeps its login")
    with transaction.atomic():
        credential_rotation.lock(account)
        if credential_rotation.is_taken(account, login=login, handle=handle):
            raise IntegrityError
        if label != account.label:
            _rename(account, label, by)
        tested = credential_rotation.open_of(account)
        known = tested or account
        if handle not in (account.handle, known.handle) and not password:
            # As in `add_handle`: a member who sees only some accounts must not choose another handle for a stored
            # password.
            by.require_for_all(Permission.MANAGE_ACCOUNTS)
        differs = bool(password) or (login, handle) != (known.login, known.handle)
        if differs or (account.trouble and not tested):
            credential_rotation.start_test(account, by=by, login=login, handle=handle, password=password)
            return True
        # Keeping the credentials in use answers the last failed test, so its result is dismissed.
        credential_rotation.dismiss(account, by=by)
    return tested is not None


def _rename(account: Account, label: str, by: Membership) -> None:
    with invalid("label"):
        label = names.checked(label, names.OF_ACTOR, most=LONGEST_LABEL)
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
    """Drop the session at the provider so that a new one is opened; a stopped account is tested again as it is.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        redis.RedisError: when Redis is unavailable; nothing has changed.
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
    """Dismiss the result of a failed test.

    Raises:
        NotAllowedError: when the member may not manage accounts.
    """
    by.require(Permission.MANAGE_ACCOUNTS, account)
    credential_rotation.dismiss(account, by=by)
