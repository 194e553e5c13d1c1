"""Connecting a reseller login to a team, and correcting it later. The password is write-only."""

from django.db import transaction

from hosting.accounts import versions
from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.jobs import Job, ask
from hosting.teams.models import Membership, record
from hosting.teams.roles import Permission


def connect(*, by: Membership, endpoint: Endpoint, label: str, login: str, handle: str, password: str) -> Account:
    """Save a reseller login for the member's team, and ask for its first sign-in and import.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        django.db.IntegrityError: when the team has this login and handle at this endpoint already.
    """
    by.require(Permission.MANAGE_ACCOUNTS)
    with transaction.atomic():
        account = Account.objects.create(
            team=by.team,
            endpoint=endpoint,
            label=label,
            login=login,
            handle=handle,
            sealed_password=seal(password),
        )
        record(by.team, by=by, action="account.connected", subject=label, login=login, handle=handle)
        ask(Job.REFRESH, account.pk)
    return account


def update(account: Account, *, by: Membership, label: str, handle: str, password: str = "") -> None:
    """Correct an account; an empty password stays as it was. Calls that had been stopped are tried again.

    Raises:
        NotAllowedError: when the member may not manage accounts.
        django.db.IntegrityError: when the team has this login and handle at this endpoint already.
    """
    by.require(Permission.MANAGE_ACCOUNTS)
    changed = [
        name
        for name, differs in (
            ("label", label != account.label),
            ("handle", handle != account.handle),
            ("password", bool(password)),
        )
        if differs
    ]
    account.label, account.handle = label, handle
    if password:
        account.sealed_password = seal(password)
    account.trouble = Account.Trouble.NONE
    with transaction.atomic():
        account.save(update_fields=["label", "handle", "sealed_password", "trouble"])
        record(by.team, by=by, action="account.changed", subject=label, changed=changed)
        versions.bump(account.pk)
        ask(Job.REFRESH, account.pk)
