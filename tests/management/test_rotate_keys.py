"""Key rotation: every sealed value is resealed, nothing is lost, and the old key can be dropped."""

import uuid
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from hosting.accounts.models import Account, Candidate
from hosting.accounts.sealing import reseal, seal, unseal
from hosting.mail.models import OutgoingMail
from hosting.management import rotation
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from tests import factories

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def sealed(db: None, settings: Settings) -> dict[str, Any]:
    """A row for every column that holds something sealed, each with its own secret, under the old key."""
    settings.SEAL_KEYS = [OLD]
    owner = factories.member()
    account = factories.account(owner.team, sealed_password=seal("of the account"))
    now = timezone.now()
    waiting = {"state": "waiting", "nonce": uuid.uuid4()}
    rows = {
        "hosting.account.sealed_password": account,
        "hosting.candidate.sealed_password": Candidate.objects.create(
            account=account,
            login="L",
            handle="H",
            sealed_password=seal("of the candidate"),
            asked_at=now,
            due_at=now,
        ),
        "hosting.operation.sealed_secret": factories.operation(
            account, by=owner, sealed_secret=seal("of the operation"), **waiting
        ),
        "hosting.plan.sealed_secret": factories.plan(account, by=owner, sealed_secret=seal("of the plan")),
        "hosting.outgoingmail.sealed_content": OutgoingMail.objects.create(
            recipients=["a@example.org"], subject="S", sealed_content=seal("of the mail"), due_at=now
        ),
        "mfa.authenticator.data": Authenticator.objects.create(
            user=owner.user, type=Authenticator.Type.TOTP, data={"secret": seal("of the authenticator app")}
        ),
    }
    codes = {"seed": seal("of recovery codes"), "used_mask": 5}
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.RECOVERY_CODES, data=codes)
    passkey = {"name": "key", "credential": {"id": "gAAAAA"}}
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.WEBAUTHN, data=passkey)
    # What has nothing sealed (any more) is left alone.
    factories.plan(account, by=owner, sealed_secret="")
    return rows


def secrets(rows: dict[str, Any]) -> set[str]:
    found = set()
    for name, row in rows.items():
        row.refresh_from_db()
        value = getattr(row, name.rpartition(".")[2])
        found.add(unseal(value["secret"] if isinstance(value, dict) else value))
    codes = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES).data
    assert codes["used_mask"] == 5
    assert "credential" in Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).data
    return found | {unseal(codes["seed"])}


def rotate() -> str:
    said = StringIO()
    call_command("rotate_keys", stdout=said)
    return said.getvalue()


def test_every_sealed_column_is_covered(sealed: dict[str, Any]) -> None:
    assert {str(column) for column in rotation.columns()} == sealed.keys()


def test_new_key_alone_opens_everything_after_rotation(sealed: dict[str, Any], settings: Settings) -> None:
    before = secrets(sealed)
    settings.SEAL_KEYS = [NEW, OLD]
    said = rotate()
    assert "hosting.account.sealed_password: 1 sealed anew" in said
    assert "the others can be dropped" in said
    settings.SEAL_KEYS = [NEW]
    assert secrets(sealed) == before
    assert not any(secret in said for secret in before)
    assert ": 0 sealed anew, 1 under the first key" in rotate()


def test_rotation_covers_more_rows_than_one_batch(
    sealed: dict[str, Any], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "_BATCH", 2)
    for _ in range(4):
        factories.account(sealed["hosting.account.sealed_password"].team)
    settings.SEAL_KEYS = [NEW, OLD]
    assert "hosting.account.sealed_password: 5 sealed anew" in rotate()
    settings.SEAL_KEYS = [NEW]
    assert [unseal(account.sealed_password) for account in Account.objects.order_by("pk")][1:] == ["s3cret"] * 4


def test_rotation_does_not_overwrite_concurrent_changes(sealed: dict[str, Any], settings: Settings) -> None:
    settings.SEAL_KEYS = [NEW, OLD]
    operation, plan = (sealed[f"hosting.{name}.sealed_secret"] for name in ("operation", "plan"))

    def at_work(change: Callable[[], object]) -> Callable[[str], str]:
        """The panel does something between the reading and the writing of a value."""

        def renew(old: str) -> str:
            change()
            return reseal(old)

        return renew

    sent = at_work(lambda: Operation.objects.filter(pk=operation.pk).update(sealed_secret=""))
    assert rotation.renew(rotation.Column(Operation, "sealed_secret", sent)).renewed == 0
    replaced = at_work(lambda: Plan.objects.filter(pk=plan.pk).update(sealed_secret=seal("another")))
    assert rotation.renew(rotation.Column(Plan, "sealed_secret", replaced)).renewed == 0
    operation.refresh_from_db()
    plan.refresh_from_db()
    assert operation.sealed_secret == ""
    assert unseal(plan.sealed_secret) == "another"


def test_unreadable_secret_is_reported_and_kept(sealed: dict[str, Any], settings: Settings) -> None:
    account = sealed["hosting.account.sealed_password"]
    Account.objects.filter(pk=account.pk).update(sealed_password=Fernet(Fernet.generate_key()).encrypt(b"x").decode())
    kept = Account.objects.get(pk=account.pk).sealed_password
    settings.SEAL_KEYS = [NEW, OLD]
    said = StringIO()
    with pytest.raises(CommandError, match="Drop no key yet"):
        call_command("rotate_keys", stdout=said)
    assert f"no key opens row {account.pk}" in said.getvalue()
    assert Account.objects.get(pk=account.pk).sealed_password == kept
    settings.SEAL_KEYS = [NEW]
    assert unseal(Plan.objects.exclude(sealed_secret="").get().sealed_secret) == "of the plan"
