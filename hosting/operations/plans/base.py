"""The base of all kinds of plan: the steps in order, the operation that each submits, its checks and its spending.

A kind of plan is data: its fields are what the member entered, stored with the plan as JSON.
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
    """Values of `Plan.problem["reason"]`: why Sharedeck stopped a plan before it submitted a step."""

    NOT_FREE = "not_free"
    MEMBER_LEFT = "member_left"
    TWO_FACTOR = "two_factor"
    NETWORK = "network"
    NO_PASSWORD = "no_password"  # noqa: S105 - a reason
    NOT_ALLOWED = "not_allowed"
    QUIET = "quiet"
    AWAY = "away"
    TROUBLE = "trouble"
    BUSY = "busy"
    NOT_ENOUGH = "not_enough"
    FIRST_BOOT = "first_boot"
    REFUSED = "refused"


@dataclass(frozen=True)
class Step:
    """One step of a plan, with the numbers that pages show.

    Attributes:
        state: todo, running, done, stopped or skipped.
        shares: shares that are bought, needed or used; negative when they are given back.
        free_shares: shares that will be free for the check; None when the check is past or the number is unknown.
        problem: the plan's problem, when it stopped at this step.
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
    """Base of all kinds of plan: what a member entered. `hostname` names the server that the plan is about."""

    kind: ClassVar[Plan.Kind]
    steps: ClassVar[tuple[str, ...]]
    # Steps without an operation: they only check whether the plan may continue.
    checks: ClassVar[frozenset[str]] = frozenset()
    # The step that spends money, and the one that takes the secret kept with the plan.
    spending_step: ClassVar[str] = ""
    secret_step: ClassVar[str] = ""
    # Steps that somebody may have undone meanwhile: a resumed plan does not count them as done.
    undone_by_others: ClassVar[frozenset[str]] = frozenset()

    hostname: str

    @property
    def spends(self) -> bool:
        """Whether it spends money."""
        return bool(self.spending_step) and not self.skips(self.spending_step)

    def skips(self, step: str) -> bool:
        """Whether a step is not part of this plan."""
        return False

    def is_settled(self, step: str, account: Account, so_far: Mapping[str, Operation]) -> bool:
        """Whether a step needs no operation, because its result is there already or a later step was submitted."""
        return False

    def obstacle(self, step: str, account: Account) -> StopReason | None:
        """Why a step must not be submitted now, according to the mirror; None when it may be."""
        return None

    def request(self, step: str, so_far: Mapping[str, Operation]) -> Kind:
        """The operation to submit for a step that is not a check, given the operations of earlier steps."""
        raise NotImplementedError

    def keeping(self, before: Self, done: Collection[str]) -> Self:
        """This spec, with the inputs of done steps taken from `before`."""
        raise NotImplementedError

    def validate(self, account: Account, secret: str, done: Collection[str] = ()) -> None:
        """Check the inputs of the steps that are not done, and that shares and disk suffice for them.

        Raises:
            Rejected: names the wrong field of the spec or of the secret.
        """
        raise NotImplementedError

    def kept_secret(self, given: str, kept: str) -> str:
        """The secret of a plan that is revised: the one that was given now, or else the one that was kept."""
        return given or kept

    def preview(self, account: Account, done: Collection[str] = ()) -> list[Step]:
        """The steps with what each uses, in a fixed number of queries. Steps in `done` have used it already."""
        raise NotImplementedError
