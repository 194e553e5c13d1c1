"""What every kind of plan has: its steps in order, the request that each makes, what it checks and what it spends.

A kind of plan is data: its fields are what a member asked for, stored with the plan as JSON.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Self

from hosting.accounts.models import Account
from hosting.operations.kinds.base import Kind
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan


class StopReason(StrEnum):
    """What stands in `Plan.problem["reason"]`: why Sharedeck stopped a plan before a step was asked for."""

    NOT_FREE = "not_free"
    MEMBER_LEFT = "member_left"
    NO_PASSWORD = "no_password"  # noqa: S105 - a reason
    NOT_ALLOWED = "not_allowed"
    QUIET = "quiet"
    AWAY = "away"
    TROUBLE = "trouble"
    BUSY = "busy"
    NOT_ENOUGH = "not_enough"
    REFUSED = "refused"


@dataclass(frozen=True)
class Step:
    """One step of a plan, with the numbers that pages put into words.

    `state`: todo, running, done, stopped or skipped. `shares` are bought, needed or taken, or given back when negative;
    `free_shares` are those that there will be for the check, None when it is past or nobody knows; `problem` is the
    plan's when it stopped here.
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


@dataclass(frozen=True)
class PlanSpec:
    """Base of all kinds of plan: what a member asked for. `hostname` is the server that it is about."""

    kind: ClassVar[Plan.Kind]
    steps: ClassVar[tuple[str, ...]]
    # Steps without a request: they only look whether the plan may go on.
    checks: ClassVar[frozenset[str]] = frozenset()
    # The step that spends money, and the one that takes the secret kept with the plan.
    spending_step: ClassVar[str] = ""
    secret_step: ClassVar[str] = ""
    # Steps that somebody may have undone since: when a plan is resumed, done once is not done.
    undone_by_others: ClassVar[frozenset[str]] = frozenset()

    hostname: str

    @property
    def spends(self) -> bool:
        """Whether it spends money."""
        return bool(self.spending_step) and not self.skips(self.spending_step)

    def skips(self, step: str) -> bool:
        """Whether a step is not wanted."""
        return False

    def is_settled(self, step: str, account: Account, so_far: Mapping[str, Operation]) -> bool:
        """Whether a step needs no request, because things are as it would make them, or it is past."""
        return False

    def obstacle(self, step: str, account: Account) -> StopReason | None:
        """Why a step must not be asked for now, as far as the mirror shows it."""
        return None

    def request(self, step: str, so_far: Mapping[str, Operation]) -> Kind:
        """What a step that is not a check asks for, given the operations of the steps before it."""
        raise NotImplementedError

    def keeping(self, before: Self, done: Collection[str]) -> Self:
        """This specification with the inputs of the steps that are done as they were."""
        raise NotImplementedError

    def validate(self, account: Account, password: str, done: Collection[str] = ()) -> None:
        """Check the inputs of the steps that are not done, and that shares and disk will suffice for them.

        Raises:
            Rejected: with the field (or `password`) that is wrong.
        """
        raise NotImplementedError

    def preview(self, account: Account, done: Collection[str] = ()) -> list[Step]:
        """What the steps take, in a fixed number of queries; those that are `done` have taken it already."""
        raise NotImplementedError
