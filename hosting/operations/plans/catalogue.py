"""All kinds of plan."""

from dataclasses import fields

from hosting.operations.models.plan import Plan
from hosting.operations.plans.base import PlanSpec
from hosting.operations.plans.new_server import NewServer
from hosting.operations.plans.resize import Resize

KINDS: dict[str, type[PlanSpec]] = {kind.kind: kind for kind in (NewServer, Resize)}


def spec_of(plan: Plan) -> PlanSpec:
    """The spec that is stored in a plan. Older ones lack what was added since, which has a default."""
    kind = KINDS[plan.kind]
    return kind(**{field.name: plan.spec[field.name] for field in fields(kind) if field.name in plan.spec})
