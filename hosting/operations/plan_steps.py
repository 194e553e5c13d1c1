"""Where a plan stands: its five steps, read from its operations."""

import uuid
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hosting.accounts.models import Account
from hosting.operations.capacity import overview
from hosting.operations.models import Operation, Plan
from hosting.operations.new_server import STEPS, NewServer, spec_of, system_disk_mb
from hosting.operations.states import OPEN, State


class StopReason(StrEnum):
    """What stands in `Plan.problem["reason"]`: why Sharedeck stopped a plan before a step was asked for."""

    NOT_FREE = "not_free"
    MEMBER_LEFT = "member_left"
    NO_PASSWORD = "no_password"  # noqa: S105 - a reason
    NOT_ALLOWED = "not_allowed"
    AWAY = "away"
    TROUBLE = "trouble"
    BUSY = "busy"
    NOT_ENOUGH = "not_enough"
    REFUSED = "refused"


@dataclass(frozen=True)
class Step:
    """One of the five steps, with the numbers that pages put into words.

    `state`: todo, running, done, stopped or skipped. `shares` are bought, needed or taken; `free_shares` are those that
    there will be for the check, None when it is past or nobody knows; `problem` is the plan's when it stopped here.
    """

    name: str
    number: int
    state: str = "todo"
    shares: int = 0
    duration: str = ""
    disk_mb: int = 0
    free_shares: int | None = None
    operation: Operation | None = None
    problem: dict[str, Any] | None = None


def preview(spec: NewServer, account: Account) -> list[Step]:
    """What the five steps would take, before anything is asked for."""
    capacity = overview(account)
    free = None if capacity is None else max(0, int(capacity.free.shares)) + spec.buy_shares
    of_step: dict[str, dict[str, Any]] = {
        "buy": {"shares": spec.buy_shares, "duration": spec.duration},
        "verify": {"shares": spec.shares, "free_shares": free},
        "vm": {"shares": spec.shares, "disk_mb": system_disk_mb(spec, account)},
        "disk": {"disk_mb": spec.disk_size_mb},
        "attach": {},
    }
    return [Step(name, number, **of_step[name]) for number, name in enumerate(STEPS, start=1)]


def steps(plan: Plan) -> list[Step]:
    """The five steps of a plan with their state and operations, in a fixed number of queries."""
    spec, of_step = spec_of(plan), latest(plan, every_attempt=True)
    is_bought = "buy" in of_step and of_step["buy"].state == State.DONE
    found = []
    for step in preview(spec, plan.account):
        operation = of_step.get(step.name)
        state, problem, free = "todo", None, step.free_shares
        if operation is not None:
            state = "done" if operation.state == State.DONE else "running" if operation.state in OPEN else "stopped"
        elif step.name == "buy" and not spec.buy_shares:
            state = "skipped"
        elif step.name == "verify" and "vm" in of_step:
            state = "done"
        if plan.problem.get("step") == step.name and plan.state == Plan.State.STOPPED:
            state, problem = "stopped", plan.problem
        if state == "stopped" and plan.state == Plan.State.RUNNING:
            state = "running"
        if free is not None and is_bought:
            free -= spec.buy_shares
        # What is free today says nothing about a check that is past.
        free = None if state == "done" else free
        found.append(replace(step, state=state, operation=operation, problem=problem, free_shares=free))
    return found


def latest(plan: Plan, *, every_attempt: bool = False) -> dict[str, Operation]:
    """The last operation of each step. Attempts from before the last resume count only when they were done."""
    found = {}
    for operation in plan.operations.order_by("id"):
        is_current = operation.nonce == nonce_of(plan, operation.step)
        if every_attempt or is_current or operation.state in OPEN | {State.DONE}:
            found[operation.step] = operation
    return found


def nonce_of(plan: Plan, step: str) -> uuid.UUID:
    """Of a step's attempt since the plan was last started or resumed: asked for twice, it is the same operation."""
    return uuid.uuid5(plan.nonce, f"{step}:{plan.resumed_at}")


def needs_password(plan: Plan) -> bool:
    """Whether the server is still to be made and its root password is not here any more."""
    return not plan.sealed_secret and not is_done(plan, "vm")


def must_buy(plan: Plan) -> bool:
    """Whether the plan will still spend money: it buys shares, and has not done so yet."""
    return bool(plan.spec["buy_shares"]) and not is_done(plan, "buy")


def is_done(plan: Plan, step: str) -> bool:
    """Whether a step was carried out, in whichever attempt."""
    return plan.operations.filter(step=step, state=State.DONE).exists()
