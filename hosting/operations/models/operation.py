"""The operation: one row for each change that a member requests, from request to outcome.

The row is written before the call to the provider and is the truth. Queues and caches only speed things up.
"""

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.api.fields import LONGEST_NAME
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import FINAL, OPEN, UNDER_WAY, State, is_legal
from hosting.teams.models import Membership, User
from hosting.teams.roles import Role
from hosting.teams.tokens.models import ApiToken

# Characters in the comment of an approval or refusal.
MAX_COMMENT = 500


class OperationQuerySet(models.QuerySet["Operation"]):
    def visible_to(self, member: Membership) -> "OperationQuerySet":
        """The operations that the member may see. Web code reads them only through this."""
        return self.filter(account__in=Account.objects.visible_to(member))

    def open(self) -> "OperationQuerySet":
        return self.filter(state__in=OPEN)

    def under_way(self) -> "OperationQuerySet":
        """Open operations that may be happening: all but those waiting for approval."""
        return self.filter(state__in=UNDER_WAY)

    def move(self, operation_id: int, before: State, after: State, **fields: object) -> bool:
        """Move one operation by a conditional UPDATE. Return False when it was not in state `before` any more.

        Raises:
            ValueError: the table of moves does not allow it.
        """
        if not is_legal(before, after):
            raise ValueError(f"{before} → {after} is no legal move")
        now = timezone.now()
        values = {"state": after, "updated_at": now, **fields}
        if after in FINAL:
            values.setdefault("finished_at", now)
        return bool(self.filter(pk=operation_id, state=before).update(**values))


class Operation(models.Model):
    """A change at the provider: requested in the panel, or external (`origin`)."""

    class Origin(models.TextChoices):
        PANEL = "panel", _("Sharedeck")
        EXTERNAL = "outside", _("External")

    class Cancel(models.TextChoices):
        """Progress of cancelling it at the provider."""

        NONE = "", _("Not requested")
        ASKED = "asked", _("Requested")
        SENT = "sent", _("Sent")
        TOO_LATE = "too_late", _("Too late")
        REFUSED = "refused", _("Refused")
        UNANSWERED = "unanswered", _("No answer")

    # No index of its own: those below begin with the account, and SQLite would choose the shorter one wrongly.
    account = models.ForeignKey(Account, models.CASCADE, related_name="operations", db_index=False)
    # Most operations have no plan, bulk action or retry, so the partial indexes below hold only those that do.
    plan = models.ForeignKey(Plan, models.SET_NULL, null=True, blank=True, related_name="operations", db_index=False)
    step = models.CharField(max_length=20, blank=True)
    bulk = models.ForeignKey("Bulk", models.SET_NULL, null=True, blank=True, related_name="operations", db_index=False)
    retry_of = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="retries", db_index=False)
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.PANEL)
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # The requester's role at that time: a spending limit counts per role, whatever role the person has today.
    requested_as = models.CharField(max_length=30, choices=Role.choices, blank=True)
    # Who approved an operation above a spending limit, or refused it (state DECLINED). A time without a person means
    # that nobody decided in time.
    decided_by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_comment = models.CharField(max_length=MAX_COMMENT, blank=True)
    # The API token it was requested with: a personal one, or one of the team.
    requested_through = models.ForeignKey(
        ApiToken, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    # The same form sent twice has the same nonce and makes one operation.
    nonce = models.UUIDField(default=uuid.uuid4)

    # The API method, its parameters without secrets, and the name of the object.
    kind = models.CharField(max_length=LONGEST_NAME)
    params = models.JSONField(default=dict)
    sealed_secret = models.TextField(blank=True)
    subject = models.CharField(max_length=255, blank=True)
    # The object that it changes, such as "vm:12": one unfinished operation at a time.
    target = models.CharField(max_length=40, blank=True)
    # For a change of a product: its shares or MB when the operation was requested.
    quantity = models.PositiveIntegerField(null=True, blank=True)
    # What it took from the balance, in the account's currency; negative for a refund. Worked out from changes of the
    # balance (`operations.costs.observed`); None when unknown.
    cost = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    # For an operation that moves money, as estimated when it was requested: the shares it adds, the amount it takes
    # from the balance (None when no price was known), and the currency.
    requested_shares = models.PositiveIntegerField(default=0)
    estimate = models.DecimalField(max_digits=14, decimal_places=2, null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    # Capacity reserved until the mirror shows it as used.
    reserved_shares = models.PositiveIntegerField(default=0)
    reserved_disk_mb = models.PositiveIntegerField(default=0)

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # When its next job is due. For a held operation: the end of the time to approve it.
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    # Until when its worker has claimed it, for the call or for that of its cancelling (`hosting.leases`).
    claimed_until = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    # When it was known to have ended. Objects read after this show its effect.
    finished_at = models.DateTimeField(null=True, blank=True)
    # Sent with a key by which the provider carries it out at most once (`Operation.key`): it may be asked for again.
    keyed = models.BooleanField(default=False)
    # The first and the last reading of the provider's list that did not show an unconfirmed operation, without a gap.
    absent_since = models.DateTimeField(null=True, blank=True)
    absent_at = models.DateTimeField(null=True, blank=True)
    # When it turned up at the provider after it had been released.
    late_at = models.DateTimeField(null=True, blank=True)
    # Reading cannot settle an unconfirmed operation (such as several matches at the provider): a person decides.
    needs_person = models.BooleanField(default=False)

    # Cancelling at the provider; see `operations.lifecycle.cancel`.
    cancel_state = models.CharField(max_length=10, choices=Cancel.choices, default=Cancel.NONE, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_sent_at = models.DateTimeField(null=True, blank=True)
    # When a member dismissed its failure.
    dismissed_at = models.DateTimeField(null=True, blank=True)

    # From the provider: its operation id, the objects, and the progress.
    remote_id = models.PositiveIntegerField(null=True, blank=True)
    vm_id = models.PositiveIntegerField(null=True, blank=True)
    disk_id = models.PositiveIntegerField(null=True, blank=True)
    product_id = models.PositiveIntegerField(null=True, blank=True)
    remote_state = models.CharField(max_length=LONGEST_NAME, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    eta_at = models.DateTimeField(null=True, blank=True)
    # The provider's `date_updated` when it was last read.
    remote_updated_at = models.DateTimeField(null=True, blank=True)
    # Why it failed: {"reason", "code", "object", "cause", "element", "text"}; see `operations.models.problems`.
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
                # One that turned up late was not expected any more: another may be under way on its object.
                condition=models.Q(state__in=sorted(OPEN), origin="panel", late_at=None) & ~models.Q(target=""),
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
            models.Index(
                fields=["account"],
                condition=models.Q(late_at__isnull=False, dismissed_at=None),
                name="operations_arrived_late",
            ),
            models.Index(fields=["account", "target", "-id"]),
            models.Index(fields=["account", "vm_id", "-id"]),
            models.Index(fields=["account", "disk_id", "-id"]),
            # Covers the default list with its search and filters: an account's history only grows, so no page may
            # sort or read all of it.
            models.Index(fields=["account", "-created_at", "-id", "state", "subject"]),
            models.Index(fields=["account", "kind", "subject", "id"]),
        ]

    @property
    def key(self) -> str:
        """Its key for `sharedeck.once`: its own in every installation, and the same after a backup was restored."""
        return f"{self.nonce.hex}-{self.pk}"

    @property
    def cancel_key(self) -> str:
        """The key of the call that cancels it: another one each time that a person asks for it."""
        asked_at = self.cancel_requested_at or self.created_at
        return f"{self.key}-{asked_at.timestamp():.0f}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    def progress_percent(self, now: datetime) -> int:
        """Progress from 0 to 100, from the provider's start time and estimate. An estimate never reaches 100."""
        if self.state == State.DONE:
            return 100
        if not self.started_at or not self.eta_at or self.eta_at <= self.started_at:
            return 0
        share = (now - self.started_at) / (self.eta_at - self.started_at)
        return max(0, min(99, round(100 * share)))
