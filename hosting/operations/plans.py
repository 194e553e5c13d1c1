"""A new server as one plan: the five steps of the specification, each an ordinary operation.

Where a plan stands is read from its operations, so a crash between two steps loses nothing: `advance` looks again and
does what is missing. Every step's operation has a nonce made from the plan, so no step is asked for twice.
"""

import uuid
from dataclasses import asdict, dataclass, fields, replace

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.accounts import versions
from hosting.accounts.models import Account
from hosting.accounts.sealing import UnreadableSecretError, seal, unseal
from hosting.inventory.models import OsImage
from hosting.operations import kinds
from hosting.operations.capacity import overview
from hosting.operations.models import Operation, Plan
from hosting.operations.rejection import Invalid, NotEnough, Rejected, WrongState
from hosting.operations.states import OPEN, State
from hosting.operations.submit import submit
from hosting.teams.models import Membership, record
from hosting.teams.roles import NotAllowedError, Permission

STEPS = ("buy", "verify", "vm", "disk", "attach")


@dataclass(frozen=True)
class NewServer:
    """What the guided flow asks for. `buy_shares` 0 starts from free shares; the root password travels apart."""

    buy_shares: int
    duration: str
    hostname: str
    os_id: int
    shares: int
    cpu: int
    login: str
    disk_size_mb: int
    disk_name: str
    disk_fstype: str

    def kind_of(self, step: str, *, vm_id: int = 0, disk_id: int = 0) -> kinds.Kind:
        """The request that a step makes."""
        match step:
            case "buy":
                return kinds.AddProduct("shares", self.buy_shares, self.duration)
            case "vm":
                return kinds.CreateVm(self.hostname, self.os_id, self.shares, self.cpu, self.login)
            case "disk":
                return kinds.CreateDisk(self.disk_size_mb, self.disk_name, self.disk_fstype)
            case "attach":
                return kinds.AttachDisk(disk_id, vm_id)
        raise ValueError(step)


# Which inputs belong to which step, and what the kinds call them.
_INPUTS = {
    "buy": {"buy_shares": "quantity", "duration": "duration"},
    "vm": {name: name for name in ("hostname", "os_id", "shares", "cpu", "login")},
    "disk": {"disk_size_mb": "size_mb", "disk_name": "name", "disk_fstype": "fstype"},
}


@dataclass(frozen=True)
class Step:
    """One of the five steps as pages show it. `state`: todo, running, done, stopped or skipped."""

    name: str
    number: int
    title: str
    cost: str
    state: str = "todo"
    operation: Operation | None = None
    problem: str = ""


def draft(spec: NewServer, *, account: Account, by: Membership, nonce: uuid.UUID, password: str) -> Plan:
    """Check a new server and save it as a plan that has not been started. The same nonce is the same plan.

    Raises:
        NotAllowedError: the member may not run servers, or not spend when shares are to be bought.
        Rejected: with the field of `NewServer` (or `password`) that is wrong.
    """
    _require(spec, by, account)
    _validate(spec, account, password)
    with transaction.atomic():
        plan, created = Plan.objects.get_or_create(
            account=account,
            nonce=nonce,
            defaults={"spec": asdict(spec), "sealed_secret": seal(password), "requested_by": by.user},
        )
        if created:
            record(by.team, by=by, action="plan.drafted", subject=spec.hostname, plan=plan.pk)
            versions.bump(account.pk)
    return plan


def revise(plan: Plan, spec: NewServer, *, by: Membership, password: str = "") -> None:
    """Change a plan that is not running. Steps that are done stay as they were done; an empty password stays too.

    Raises:
        NotAllowedError, Rejected: as `draft`.
    """
    _require(spec, by, plan.account)
    with transaction.atomic():
        # As it is now, and for as long as it takes: somebody else may resume it at this moment.
        current = Plan.objects.select_for_update(of=("self",)).select_related("account__endpoint").get(pk=plan.pk)
        if current.state not in (Plan.State.DRAFT, Plan.State.STOPPED):
            raise WrongState(_("This plan is running or over: it can't be changed."))
        _revise(current, spec, by=by, password=password)
    plan.refresh_from_db(fields=["spec", "sealed_secret", "state", "updated_at"])


def _revise(plan: Plan, spec: NewServer, *, by: Membership, password: str) -> None:
    done = [step.name for step in steps(plan) if step.state == "done"]
    before = spec_of(plan)
    kept = {name: getattr(before, name) for step in done for name in _INPUTS.get(step, {})}
    spec = replace(spec, **kept)
    _validate(spec, plan.account, password or _kept_password(plan), done=done)
    plan.spec = asdict(spec)
    if password:
        plan.sealed_secret = seal(password)
    plan.save(update_fields=["spec", "sealed_secret", "updated_at"])
    record(by.team, by=by, action="plan.revised", subject=spec.hostname, plan=plan.pk)
    versions.bump(plan.account_id)


def start(plan: Plan, *, by: Membership) -> None:
    """Begin a drafted plan. Starting it twice is starting it once.

    Raises:
        NotAllowedError: the member may not do what its steps do.
    """
    _run(plan, Plan.State.DRAFT, by=by, action="plan.started")


def resume(plan: Plan, *, by: Membership) -> None:
    """Go on with a stopped plan: the step that did not work is asked for again, as a new operation.

    Raises:
        NotAllowedError: as `start`.
        WrongState: the root password must be given again first (`needs_password`).
    """
    if needs_password(plan):
        raise WrongState(_("The root password was not kept. Give it again."), field="password")
    _run(plan, Plan.State.STOPPED, by=by, action="plan.resumed")


def abandon(plan: Plan, *, by: Membership) -> None:
    """Give up a plan that is not running. What its steps have made stays.

    Raises:
        NotAllowedError: as `start`.
    """
    _require(spec_of(plan), by, plan.account)
    with transaction.atomic():
        for state in (Plan.State.DRAFT, Plan.State.STOPPED):
            if Plan.objects.move(plan.pk, state, Plan.State.ABANDONED, sealed_secret=""):
                record(by.team, by=by, action="plan.abandoned", subject=plan.spec["hostname"], plan=plan.pk)
                versions.bump(plan.account_id)


def needs_password(plan: Plan) -> bool:
    """Whether the server is still to be made and its root password is not here any more."""
    return not plan.sealed_secret and not any(step.name == "vm" and step.state == "done" for step in steps(plan))


def spec_of(plan: Plan) -> NewServer:
    return NewServer(**{field.name: plan.spec[field.name] for field in fields(NewServer)})


def advance(plan_id: int) -> None:
    """Do what a running plan needs next: submit the next step, stop at one that failed, or call it done.

    Safe to call at any time and any number of times.
    """
    with transaction.atomic():
        plan = Plan.objects.select_for_update(of=("self",)).select_related("account__endpoint").get(pk=plan_id)
        if plan.state != Plan.State.RUNNING:
            return
        spec, latest = spec_of(plan), _latest(plan)
        for name in STEPS:
            operation = latest.get(name)
            if operation is not None and operation.state == State.DONE:
                continue
            if name == "buy" and not spec.buy_shares:
                continue
            if name == "verify":
                if "vm" in latest or _fits(spec, plan.account):
                    continue
                _stop(plan, name, _("The shares that this server needs are not free."))
                return
            if operation is None:
                _submit_step(plan, spec, name, latest)
            elif operation.state not in OPEN:
                _stop(plan, name, "")
            return
        Plan.objects.move(plan.pk, Plan.State.RUNNING, Plan.State.DONE, sealed_secret="")
        versions.bump(plan.account_id)


def steps(plan: Plan) -> list[Step]:
    """The five steps of a plan with their state and operations, in two queries at most."""
    spec, latest = spec_of(plan), _latest(plan, every_attempt=True)
    found = []
    for step in preview(spec, plan.account):
        operation = latest.get(step.name)
        state, problem = "todo", ""
        if operation is not None:
            state = "done" if operation.state == State.DONE else "running" if operation.state in OPEN else "stopped"
        elif step.name == "buy" and not spec.buy_shares:
            state = "skipped"
        elif step.name == "verify" and "vm" in latest:
            state = "done"
        if plan.problem.get("step") == step.name and plan.state == Plan.State.STOPPED:
            state, problem = "stopped", str(plan.problem.get("message", ""))
        if state == "stopped" and plan.state == Plan.State.RUNNING:
            state = "running"
        found.append(replace(step, state=state, operation=operation, problem=problem))
    return found


def preview(spec: NewServer, account: Account) -> list[Step]:
    """What the five steps would do and cost, before anything is asked for."""
    capacity = overview(account)
    free_shares = int(capacity.free.shares) if capacity else 0
    image = OsImage.objects.filter(account=account, remote_id=spec.os_id).first()
    system_mb = image.min_disk_mb if image else 0
    costs = {
        "buy": _("%(shares)d shares for %(duration)s, paid from the balance")
        % {"shares": spec.buy_shares, "duration": spec.duration}
        if spec.buy_shares
        else _("nothing: existing free shares are used"),
        "verify": _("%(needed)d needed, %(free)d free")
        % {"needed": spec.shares, "free": free_shares + spec.buy_shares},
        "vm": _("%(shares)d shares, with %(disk)d MB for the system disk") % {"shares": spec.shares, "disk": system_mb},
        "disk": _("%(disk)d MB of disk, no shares") % {"disk": spec.disk_size_mb},
        "attach": _("nothing"),
    }
    titles = {
        "buy": _("Add shares"),
        "verify": _("Verify the shares"),
        "vm": _("Create the server"),
        "disk": _("Create the data disk"),
        "attach": _("Attach the disk"),
    }
    return [Step(name, number, titles[name], costs[name]) for number, name in enumerate(STEPS, start=1)]


def _run(plan: Plan, before: Plan.State, *, by: Membership, action: str) -> None:
    _require(spec_of(plan), by, plan.account)
    with transaction.atomic():
        started = Plan.objects.move(
            plan.pk, before, Plan.State.RUNNING, problem={}, resumed_at=timezone.now(), requested_by=by.user
        )
        if started:
            record(by.team, by=by, action=action, subject=plan.spec["hostname"], plan=plan.pk)
            versions.bump(plan.account_id)
            advance(plan.pk)


def _latest(plan: Plan, *, every_attempt: bool = False) -> dict[str, Operation]:
    """The last operation of each step. Attempts from before the last resume count only when they were done."""
    latest = {}
    for operation in plan.operations.order_by("id"):
        is_current = operation.nonce == _nonce(plan, operation.step)
        if every_attempt or is_current or operation.state in OPEN | {State.DONE}:
            latest[operation.step] = operation
    return latest


def _kept_password(plan: Plan) -> str:
    """The root password, or an empty one when it was sent already or can't be read any more."""
    try:
        return unseal(plan.sealed_secret)
    except UnreadableSecretError:
        return ""


def _nonce(plan: Plan, step: str) -> uuid.UUID:
    """Of a step's attempt since the plan was last started or resumed: asked for twice, it is the same operation."""
    return uuid.uuid5(plan.nonce, f"{step}:{plan.resumed_at}")


def _submit_step(plan: Plan, spec: NewServer, name: str, latest: dict[str, Operation]) -> None:
    member = Membership.objects.filter(team=plan.account.team_id, user=plan.requested_by_id).first()
    if member is None:
        _stop(plan, name, _("Whoever started this plan is not in the team any more."))
        return
    vm_id = latest["vm"].vm_id if "vm" in latest else 0
    disk_id = latest["disk"].disk_id if "disk" in latest else 0
    kind = spec.kind_of(name, vm_id=vm_id or 0, disk_id=disk_id or 0)
    secret = _kept_password(plan) if name == "vm" else ""
    if name == "vm" and not secret:
        # Forgotten, when it can't be read, so that it is asked for again.
        Plan.objects.filter(pk=plan.pk).update(sealed_secret="")
        _stop(plan, name, _("The root password was not kept. Give it again."))
        return
    try:
        submit(
            kind,
            account=plan.account,
            by=member,
            nonce=_nonce(plan, name),
            secret=secret,
            plan=plan,
            step=name,
            retry_of=plan.operations.filter(step=name).order_by("id").last(),
        )
    except (Rejected, NotAllowedError) as refusal:
        _stop(plan, name, str(refusal))
        return
    if secret:
        # From here on the operation carries it, and forgets it once it was sent.
        Plan.objects.filter(pk=plan.pk).update(sealed_secret="")


def _stop(plan: Plan, step: str, message: str) -> None:
    Plan.objects.move(plan.pk, Plan.State.RUNNING, Plan.State.STOPPED, problem={"step": step, "message": message})
    versions.bump(plan.account_id)


def _require(spec: NewServer, by: Membership, account: Account) -> None:
    if account.team_id != by.team_id:
        raise NotAllowedError(Permission.OPERATE)
    by.require(Permission.OPERATE)
    if spec.buy_shares:
        by.require(Permission.SPEND)


def _validate(spec: NewServer, account: Account, password: str, done: "list[str] | tuple[str, ...]" = ()) -> None:
    for step, inputs in _INPUTS.items():
        if step in done or (step == "buy" and not spec.buy_shares):
            continue
        try:
            spec.kind_of(step).validate(password if step == "vm" else "")
        except Invalid as error:
            names = {theirs: ours for ours, theirs in inputs.items()}
            raise Invalid(error.message, field=names.get(error.field or "", error.field)) from None
    if "vm" not in done and not OsImage.objects.filter(account=account, remote_id=spec.os_id).exists():
        raise Invalid(_("This operating system is not on offer any more: choose another one."), field="os_id")
    missing = _missing_shares(spec, account, done)
    if missing:
        raise NotEnough(
            _("%(missing)d more shares are needed: for the server, or for the disk space that they bring.")
            % {"missing": missing},
            field="buy_shares",
        )


def _missing_shares(spec: NewServer, account: Account, done: "list[str] | tuple[str, ...]" = ()) -> int:
    """How many shares are missing for the steps that are not done, after those that the plan buys."""
    capacity = overview(account)
    if capacity is None:
        raise WrongState(_("This account has not been read from the provider yet: try again in a moment."))
    image = OsImage.objects.filter(account=account, remote_id=spec.os_id).first()
    shares = 0 if "vm" in done else spec.shares
    disk_mb = (0 if "vm" in done or image is None else image.min_disk_mb) + (0 if "disk" in done else spec.disk_size_mb)
    bought = 0 if "buy" in done else spec.buy_shares
    after = replace(capacity, available=capacity.available + capacity.share.times(bought))
    return after.missing_shares(shares, disk_mb)


def _fits(spec: NewServer, account: Account) -> bool:
    return _missing_shares(replace(spec, buy_shares=0), account) == 0
