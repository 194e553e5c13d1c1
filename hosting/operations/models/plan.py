"""The plan: several operations that make one thing, carried out one after another."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.teams.models import Membership, User
from hosting.teams.tokens.models import ApiToken


class PlanQuerySet(models.QuerySet["Plan"]):
    def visible_to(self, member: Membership) -> "PlanQuerySet":
        """The plans that the member may see. Web code reads them only through this."""
        return self.filter(account__in=Account.objects.visible_to(member))

    def move(self, plan_id: int, before: "Plan.State", after: "Plan.State", **fields: object) -> bool:
        """Move one plan by a conditional UPDATE. Return False when it was not in state `before` any more."""
        values = {"state": after, "updated_at": timezone.now(), **fields}
        return bool(self.filter(pk=plan_id, state=before).update(**values))


class Plan(models.Model):
    """Several operations that make one thing, such as a new server with its data disk."""

    class Kind(models.TextChoices):
        NEW_SERVER = "new_server", _("New server")
        RESIZE = "resize", _("Resize")

    class State(models.TextChoices):
        DRAFT = "draft", _("Not started")
        RUNNING = "running", _("Running")
        STOPPED = "stopped", _("Stopped at a step")
        DONE = "done", _("Done")
        ABANDONED = "abandoned", _("Discarded")

    account = models.ForeignKey(Account, models.CASCADE, related_name="plans")
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # The API token it was requested with: a personal one, or one of the team.
    requested_through = models.ForeignKey(ApiToken, models.SET_NULL, null=True, blank=True, related_name="+")
    # The address of that request, which the team's networks must still allow at each step.
    requested_from = models.CharField(max_length=45, blank=True)
    nonce = models.UUIDField(default=uuid.uuid4)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.NEW_SERVER)
    # The fields of its spec (`operations.plans.catalogue`); every kind has "hostname".
    spec = models.JSONField()
    # The secret of a new server (`kinds.first_boot`); emptied when the operation that creates the server takes it over.
    sealed_secret = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    # When it was last started or resumed: a step that failed before then is submitted again.
    resumed_at = models.DateTimeField(null=True, blank=True)
    # Why Sharedeck stopped it, when no failed operation says so.
    problem = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PlanQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["account", "nonce"], name="one_plan_per_form")]
