"""The progress of a plan: its steps with their states, read from its operations.

Decision: docs/decisions/0019-plans-have-no-state-machine.md
"""

import uuid
from dataclasses import replace

from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import HARMLESS, OPEN, State
from hosting.operations.plans.base import Step
from hosting.operations.plans.catalogue import KINDS, spec_of


def steps(plan: Plan) -> list[Step]:
    """The steps of a plan with their state and operations, in a fixed number of queries."""
    spec, of_step = spec_of(plan), latest(plan, every_attempt=True)
    done = [name for name, operation in of_step.items() if operation.state == State.DONE]
    # The last step that was submitted: earlier steps without an operation are past.
    reached = max((number for number, name in enumerate(spec.steps, start=1) if name in of_step), default=0)
    found = []
    for step in spec.preview(plan.account, done):
        operation = of_step.get(step.name)
        state, problem = "todo", None
        if operation is not None:
            state = "done" if operation.state == State.DONE else "running" if operation.state in OPEN else "stopped"
        elif spec.skips(step.name):
            state = "skipped"
        elif step.number < reached or plan.state == Plan.State.DONE:
            state = "done" if step.name in spec.checks else "skipped"
        if plan.problem.get("step") == step.name and plan.state == Plan.State.STOPPED:
            state, problem = "stopped", plan.problem
        if state == "stopped" and plan.state == Plan.State.RUNNING:
            state = "running"
        # The shares that are free now say nothing about a check that is past.
        free = None if state == "done" else step.free_shares
        found.append(replace(step, state=state, operation=operation, problem=problem, free_shares=free))
    return found


def latest(plan: Plan, *, every_attempt: bool = False) -> dict[str, Operation]:
    """The last operation of each step. An attempt from before the last resume counts only when it is open, or done
    and cannot have been undone since.
    """
    undone_by_others = KINDS[plan.kind].undone_by_others
    found: dict[str, Operation] = {}
    for operation in plan.operations.order_by("id"):
        is_current = operation.nonce == nonce_of(plan, operation.step)
        lasts = operation.state == State.DONE and operation.step not in undone_by_others
        earlier = found.get(operation.step)
        # An attempt that was given up, and turned up late in place of the one after it.
        stands = earlier is not None and earlier.late_at is not None and operation.state in HARMLESS
        if (every_attempt or is_current or operation.state in OPEN or lasts) and not stands:
            found[operation.step] = operation
    return found


def nonce_of(plan: Plan, step: str) -> uuid.UUID:
    """The nonce of a step since the last start or resume, so that submitting it twice makes one operation."""
    return uuid.uuid5(plan.nonce, f"{step}:{plan.resumed_at}")


def needs_password(plan: Plan) -> bool:
    """Whether the server is still to be created and its root password is not stored any more."""
    step = KINDS[plan.kind].secret_step
    return bool(step) and not plan.sealed_secret and not is_done(plan, step)


def must_buy(plan: Plan) -> bool:
    """Whether the plan still has to buy shares."""
    spec = spec_of(plan)
    return spec.spends and not is_done(plan, spec.spending_step)


def is_done(plan: Plan, step: str) -> bool:
    """Whether any attempt of a step is done."""
    return plan.operations.filter(step=step, state=State.DONE).exists()
