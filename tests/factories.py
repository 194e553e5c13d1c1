"""Rows for tests, made by plain functions. What a test doesn't say has an ordinary value."""

import itertools
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.annotations.models import SavedView, Tag, TagUse
from hosting.annotations.names import key_of
from hosting.api import FIRST_BOOT
from hosting.inventory.capacity import Amounts
from hosting.inventory.models import AccountInfo, Change, Disk, OsImage, Product, Vm, VmFigures
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.models import Membership, Team, User
from hosting.teams.people.models import Invitation
from hosting.teams.roles import Permission, Role
from hosting.teams.ssh_keys import public_keys
from hosting.teams.ssh_keys.models import SshKey
from hosting.teams.tokens import issuing
from hosting.teams.tokens.models import ApiToken

numbers = itertools.count(1)
PASSWORD = "correct horse 1"
SHARE = Amounts(shares=1, servers=1, memory_mb=256, cores=0.25, disk_mb=8192, bandwidth_kbps=5120, slots=0.667)


def team(name: str = "") -> Team:
    return Team.objects.create(name=name or f"Team {next(numbers)}")


def user(email: str = "", name: str = "") -> User:
    # No password: hashing one takes longer than a page. Tests sign in with `force_login`.
    return User.objects.create_user(email or f"person-{next(numbers)}@example.org", name=name)


def member(role: str = Role.OWNER, *, of: Team | None = None, person: User | None = None, **fields: Any) -> Membership:
    return Membership.objects.create(team=of or team(), user=person or user(), role=role, **fields)


def invitation(of: Team, *, by: Membership, email: str = "", role: str = Role.VIEWER, **fields: Any) -> Invitation:
    """One that was sent just now; no mail was."""
    now = timezone.now()
    values = {"sent_at": now, "expires_at": now + timedelta(days=7), "invited_by": by.user, **fields}
    return Invitation.objects.create(
        team=of, email=email or f"invited-{next(numbers)}@example.org", role=role, **values
    )


def endpoint() -> Endpoint:
    """One that takes SSH keys and first-boot scripts, and has no other extension."""
    number = next(numbers)
    url = f"http://127.0.0.1:9/{number}/"
    return Endpoint.objects.create(name=f"Provider {number}", url=url, extensions=list(FIRST_BOOT))


def account(of: Team, *, label: str = "Production", shares: int = 16, used: int = 6, **fields: Any) -> Account:
    """An account that was read just now; `shares` are granted and `used` of them taken."""
    number = next(numbers)
    made = Account.objects.create(
        team=of,
        label=label,
        **{
            "endpoint": fields.pop("endpoint", None) or endpoint(),
            "login": f"AB{number}-DEMO",
            "handle": f"CD{number}-DEMO",
            "sealed_password": seal("s3cret"),
            "mirrored_at": timezone.now(),
            **fields,
        },
    )
    taken = Amounts(**{**SHARE.times(used).as_json(), "disk_mb": used * 4096})
    AccountInfo.objects.create(
        account=made,
        handle=made.handle,
        fullname="Example Hosting",
        currency="EUR",
        balance="1234.50",
        share_definition=SHARE.as_json(),
        granted=SHARE.times(shares).as_json(),
        used=taken.as_json(),
        available=(SHARE.times(shares) - taken).as_json(),
        expired=Amounts().as_json(),
        read_at=timezone.now() - timedelta(seconds=5),
    )
    return made


def vm(of: Account, hostname: str = "", *, state: str = Vm.State.RUNNING, **fields: Any) -> Vm:
    number = next(numbers)
    address = {"id": number, "ip": f"192.0.2.{number % 250 + 1}", "version": 4, "reverse": f"host-{number}.example.org"}
    return Vm.objects.create(
        account=of,
        hostname=hostname or f"web-{number}",
        state=state,
        **{
            "remote_id": number,
            "read_at": timezone.now(),
            "os_id": 3,
            "os_label": "Debian 12",
            "shares": 2,
            "cores": 1,
            "memory_mb": 512,
            "vm_max_memory_mb": 2048,
            "ifaces": [{"id": number, "type": "public", "bandwidth_kbps": 5120.0, "ips": [address]}],
            "date_created": timezone.now() - timedelta(days=40),
            **fields,
        },
    )


def figures(of: Vm, *, minutes: Iterable[int], **fields: Any) -> VmFigures:
    """What was read of a server a moment ago: each of the samples began so many minutes ago."""
    now = int(timezone.now().timestamp()) // 60
    samples = [[(now - ago) * 60, 12.5, 200.0, 2048, 4096, 1024, 3072] for ago in sorted(minutes, reverse=True)]
    return VmFigures.objects.create(vm=of, **{"read_at": timezone.now(), "samples": samples, **fields})


def disk(of: Account, name: str = "", *, on: Vm | None = None, **fields: Any) -> Disk:
    number = next(numbers)
    return Disk.objects.create(
        account=of,
        name=name or f"data-{number}",
        **{
            "remote_id": number,
            "read_at": timezone.now(),
            "size_mb": 8192,
            "fstype": "ext3",
            "type": "data",
            "state": Disk.State.ATTACHED if on else Disk.State.CREATED,
            "vm_remote_id": on.remote_id if on else None,
            "position": 1 if on else None,
            "date_created": timezone.now() - timedelta(days=20),
            **fields,
        },
    )


def product(of: Account, *, ends_in_days: int = 90, **fields: Any) -> Product:
    return Product.objects.create(
        account=of,
        **{
            "remote_id": next(numbers),
            "read_at": timezone.now(),
            "product_name": "shares",
            "quantity": 4,
            "duration": "1m",
            "date_created": timezone.now() - timedelta(days=10),
            "date_end": timezone.now() + timedelta(days=ends_in_days, hours=1),
            "can_release": True,
            **fields,
        },
    )


def os_image(of: Account, label: str = "Debian 12", **fields: Any) -> OsImage:
    values = {"remote_id": next(numbers), "read_at": timezone.now(), "arch": "x86-64", "min_disk_mb": 3072, **fields}
    return OsImage.objects.create(account=of, label=label, **values)


def operation(of: Account, *, by: Membership | None = None, **fields: Any) -> Operation:
    return Operation.objects.create(
        account=of,
        **{
            "requested_by": by.user if by else None,
            "kind": "vm_stop",
            "params": {"vm_id": 1},
            "subject": "web-1",
            "vm_id": 1,
            **fields,
        },
    )


def running_operation(of: Account, percent: int = 40, **fields: Any) -> Operation:
    """An operation that the provider is carrying out."""
    now: datetime = timezone.now()
    return operation(
        of,
        **{
            "state": "tracked",
            "remote_state": "RUN",
            "remote_id": next(numbers),
            "sent_at": now - timedelta(seconds=percent + 2),
            "answered_at": now - timedelta(seconds=percent + 1),
            "started_at": now - timedelta(seconds=percent),
            "eta_at": now + timedelta(seconds=100 - percent),
            **fields,
        },
    )


def purchase(of: Account, name: str, quantity: int, duration: str, *, cost: str | None, days_ago: int = 1) -> Operation:
    """A purchase that is done, and what it has cost."""
    params = {"product_name": name, "quantity": quantity, "duration": duration}
    return _paid(of, "hosting_account_product_add", params, quantity, cost, days_ago)


def renewal(of: Account, what: Product, duration: str, *, cost: str | None, days_ago: int = 1) -> Operation:
    """A renewal that is done, and what it has cost."""
    params = {"product_id": what.remote_id, "duration": duration}
    return _paid(of, "hosting_account_product_renew", params, what.quantity, cost, days_ago, product_id=what.remote_id)


def _paid(
    of: Account, kind: str, params: dict[str, Any], quantity: int, cost: str | None, days_ago: int, **fields: Any
) -> Operation:
    over = timezone.now() - timedelta(days=days_ago)
    values = {"kind": kind, "params": params, "quantity": quantity, "cost": cost, "vm_id": None, **fields}
    return operation(of, state="done", subject=f"× {quantity}", remote_id=next(numbers), finished_at=over, **values)


def change(of: Account, **fields: Any) -> Change:
    return Change.objects.create(
        account=of, **{"what": "changed", "object_type": "vm", "remote_id": 1, "name": "web-1", **fields}
    )


SPEC = {
    "buy_shares": 0,
    "duration": "1m",
    "hostname": "db-1",
    "os_id": 3,
    "shares": 2,
    "cpu": 1,
    "login": "admin",
    "disk_size_mb": 8192,
    "disk_name": "data",
    "disk_fstype": "ext3",
}


def plan(of: Account, *, by: Membership, state: str = Plan.State.DRAFT, **fields: Any) -> Plan:
    values = {"spec": SPEC, "nonce": uuid.uuid4(), "sealed_secret": seal(PASSWORD), **fields}
    return Plan.objects.create(account=of, requested_by=by.user, state=state, **values)


def bulk(of: Account, *, by: Membership, objects: int = 2, kind: str = "vm_stop", **fields: Any) -> Bulk:
    """A change of so many objects, of which nothing was asked for yet."""
    made = Bulk.objects.create(account=of, requested_by=by.user, kind=kind, **fields)
    BulkRow.objects.bulk_create(
        BulkRow(bulk=made, object_id=next(numbers), subject=f"web-{number}") for number in range(objects)
    )
    return made


def tag(of: Team, name: str = "", *, on: Iterable[Vm | Disk] = (), **fields: Any) -> Tag:
    """A tag, on these objects."""
    name = name or f"tag {next(numbers)}"
    made = Tag.objects.create(team=of, name=name, key=key_of(name), **fields)
    TagUse.objects.bulk_create(
        TagUse(
            tag=made,
            account=thing.account,
            object_type="vm" if isinstance(thing, Vm) else "disk",
            remote_id=thing.remote_id,
        )
        for thing in on
    )
    return made


def saved_view(by: Membership, name: str = "", **fields: Any) -> SavedView:
    name = name or f"view {next(numbers)}"
    values = {"section": "servers", "query": "state=halted", "shared": True, **fields}
    return SavedView.objects.create(team=by.team, owner=by.user, name=name, key=key_of(name), **values)


def public_key(comment: str = "") -> str:
    """A new public key, as `ssh-keygen` writes it."""
    key = Ed25519PrivateKey.generate().public_key()
    return f"{key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}".strip()


def ssh_key(of: User | Team, name: str = "", *, line: str = "", by: User | None = None) -> SshKey:
    """A public key of a person or a team."""
    read = public_keys.read(line or public_key())
    return SshKey.objects.create(
        **{"user" if isinstance(of, User) else "team": of},
        name=name or f"key {next(numbers)}",
        kind=read.kind,
        public_key=read.body,
        comment=read.comment,
        fingerprint=read.fingerprint,
        added_by=by or (of if isinstance(of, User) else None),
    )


def token(by: Membership, name: str = "", **fields: Any) -> ApiToken:
    """A token of the team."""
    return new_token(by, name, **{"personal": False, **fields}).token


def new_token(by: Membership, name: str = "", *permissions: Permission, **fields: Any) -> issuing.NewToken:
    """A token of the person, with its secret."""
    name = name or f"token {next(numbers)}"
    return issuing.create(name, by=by, **{"personal": True, "permissions": permissions, **fields})
