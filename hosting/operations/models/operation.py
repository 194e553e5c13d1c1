"""The durable operation: one row for each change that a member asked for, from intent to outcome.

The row is written before the call and is the truth; queues and caches only make it quick.
"""

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import FINAL, OPEN, UNDER_WAY, State, is_legal
from hosting.teams.models import Membership, User
from hosting.teams.roles import Role
from hosting.teams.tokens.models import ApiToken

# What a second person may say to a decision.
MAX_COMMENT = 500


class OperationQuerySet(models.QuerySet["Operation"]):
    def visible_to(self, member: Membership) -> "OperationQuerySet":
        """The operations of the member's team: the only way in from the web."""
        return self.filter(account__in=Account.objects.visible_to(member))

    def open(self) -> "OperationQuerySet":
        return self.filter(state__in=OPEN)

    def under_way(self) -> "OperationQuerySet":
        """Those that may be happening: not what waits for approval."""
        return self.filter(state__in=UNDER_WAY)

    def move(self, operation_id: int, before: State, after: State, **fields: object) -> bool:
        """Move one operation by a conditional UPDATE. False when somebody else was first.

        Raises:
            ValueError: when the table of moves does not allow it.
        """
        if not is_legal(before, after):
            raise ValueError(f"{before} → {after} is no legal move")
        now = timezone.now()
        values = {"state": after, "updated_at": now, **fields}
        if after in FINAL:
            values.setdefault("finished_at", now)
        return bool(self.filter(pk=operation_id, state=before).update(**values))


class Operation(models.Model):
    """A change at the provider: asked for here (`origin` panel), or seen there (`origin` outside)."""

    class Origin(models.TextChoices):
        PANEL = "panel", _("Sharedeck")
        EXTERNAL = "outside", _("External")

    class Cancel(models.TextChoices):
        """How far the request to cancel it at the provider is."""

        NONE = "", _("Not requested")
        ASKED = "asked", _("Requested")
        SENT = "sent", _("Sent")
        TOO_LATE = "too_late", _("Too late")
        REFUSED = "refused", _("Refused")
        UNANSWERED = "unanswered", _("No answer")

    # The indexes below begin with the account: one of the account alone would only mislead SQLite.
    account = models.ForeignKey(Account, models.CASCADE, related_name="operations", db_index=False)
    # Nearly all operations belong to no plan or bulk and repeat none: only those that do are in these indexes.
    plan = models.ForeignKey(Plan, models.SET_NULL, null=True, blank=True, related_name="operations", db_index=False)
    step = models.CharField(max_length=20, blank=True)
    bulk = models.ForeignKey("Bulk", models.SET_NULL, null=True, blank=True, related_name="operations", db_index=False)
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="retries", db_index=False)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.PANEL)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # The role that it was asked for with: a ceiling counts what a role has spent, whatever its people are today.
    requested_as = models.CharField(max_length=30, choices=Role.choices, blank=True)
    # The second person's word on what was above a ceiling: that it may be sent, or with the state DECLINED that it
    # must not. With a time and without a person: nobody decided in time.
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_comment = models.CharField(max_length=MAX_COMMENT, blank=True)
    # The API token that it was asked through: that of the person, or one of the team.
    requested_through = models.ForeignKey(
        ApiToken, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    # The same form sent twice carries the same nonce and is the same operation.
    nonce = models.UUIDField(default=uuid.uuid4)

    # What is asked: the API method, its parameters without secrets, and the object in words.
    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    sealed_secret = models.TextField(blank=True)
    subject = models.CharField(max_length=255, blank=True)
    # The object that it changes, such as "vm:12": one unfinished operation at a time.
    target = models.CharField(max_length=40, blank=True)
    # Of a request about a product: how many shares or MB it had when it was asked for.
    quantity = models.PositiveIntegerField(null=True, blank=True)
    # What it took from the balance, in the account's currency; negative when money was given back. Learned from the
    # balance (`operations.costs`): None when that does not tell.
    cost = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    # What a request that moves money adds to the account's shares, and what it was to take from the balance when it
    # was asked for, with the currency; None when no price was known.
    requested_shares = models.PositiveIntegerField(default=0)
    estimate = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    # Capacity set aside until the mirror shows it.
    reserved_shares = models.PositiveIntegerField(default=0)
    reserved_disk_mb = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # When it is looked at next, in the states that wait for time; of one that is held, until when it may be approved.
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # When it was known to be over; what was read of its objects from then on shows its effect.
    finished_at = models.DateTimeField(null=True, blank=True)
    # Several operations of the provider fit an unconfirmed one: a person decides.
    needs_person = models.BooleanField(default=False)

    # A member asked the provider to cancel it; see `operations.cancel`.
    cancel_state = models.CharField(max_length=10, choices=Cancel.choices, default=Cancel.NONE, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_sent_at = models.DateTimeField(null=True, blank=True)
    # A member of the team has seen that it did not work, and leaves it at that.
    dismissed_at = models.DateTimeField(null=True, blank=True)

    # What the provider says: its operation, the objects, how far it is.
    remote_id = models.PositiveIntegerField(null=True, blank=True)
    vm_id = models.PositiveIntegerField(null=True, blank=True)
    disk_id = models.PositiveIntegerField(null=True, blank=True)
    product_id = models.PositiveIntegerField(null=True, blank=True)
    remote_state = models.CharField(max_length=10, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    eta_at = models.DateTimeField(null=True, blank=True)
    # The provider's `date_updated` of what was last read of it.
    remote_updated_at = models.DateTimeField(null=True, blank=True)
    # Why it did not work: {"reason", "code", "object", "cause", "element", "text"}; see `operations.problems`.
    problem = models.JSONField(default=dict)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OperationQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "nonce"], name="one_operation_per_form"),
            models.UniqueConstraint(fields=["account", "remote_id"], name="one_operation_per_remote_id"),
            models.UniqueConstraint(
                fields=["account", "target"],
                condition=models.Q(state__in=sorted(OPEN), origin="panel") & ~models.Q(target=""),
                name="one_open_operation_per_object",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "due_at"]),
            models.Index(fields=["cancel_state", "cancel_requested_at"]),
            models.Index(fields=["account", "state", "created_at", "id"]),
            models.Index(fields=["plan"], condition=models.Q(plan__isnull=False), name="operations_of_a_plan"),
            models.Index(fields=["bulk"], condition=models.Q(bulk__isnull=False), name="operations_of_a_bulk"),
            models.Index(
                fields=["retry_of"], condition=models.Q(retry_of__isnull=False), name="retries_of_an_operation"
            ),
            models.Index(
                fields=["requested_through"],
                condition=models.Q(requested_through__isnull=False),
                name="operations_through_a_token",
            ),
            models.Index(fields=["account", "finished_at"]),
            models.Index(
                fields=["account", "-finished_at"],
                condition=models.Q(cost__isnull=False),
                name="operations_with_a_cost",
            ),
            models.Index(
                fields=["account", "-decided_at"],
                condition=models.Q(decided_at__isnull=False),
                name="operations_decided",
            ),
            models.Index(fields=["account", "target", "-id"]),
            models.Index(fields=["account", "vm_id", "-id"]),
            models.Index(fields=["account", "disk_id", "-id"]),
            # The list as it is shown first, with what it is searched and filtered by: an account's history only grows,
            # and must neither be sorted nor read for each page.
            models.Index(fields=["account", "-created_at", "-id", "state", "subject"]),
            models.Index(fields=["account", "kind", "subject", "id"]),
        ]

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def progress_percent(self, now: datetime) -> int:
        """How far it is, 0 to 100, from the provider's start and estimate. An estimate never says 100."""
        if self.state == State.DONE:
            return 100
        if not self.started_at or not self.eta_at or self.eta_at <= self.started_at:
            return 0
        share = (now - self.started_at) / (self.eta_at - self.started_at)
        return max(0, min(99, round(100 * share)))
