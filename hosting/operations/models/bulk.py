"""Bulk actions: the same change for many objects, with one row per object, so that it continues without a browser."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership, User
from hosting.teams.tokens.models import ApiToken


class BulkQuerySet(models.QuerySet["Bulk"]):
    def visible_to(self, member: Membership) -> "BulkQuerySet":
        """The bulk actions that the member may see. Web code reads them only through this."""
        return self.filter(account__in=Account.objects.visible_to(member))


class Bulk(models.Model):
    """One kind of change for many objects of an account. Its rows are submitted as operations, a few at a time."""

    class State(models.TextChoices):
        RUNNING = "running", _("Running")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Finished")

    class Problem(models.TextChoices):
        """Why Sharedeck paused it."""

        NONE = "", _("None")
        AWAY = "away", _("The provider isn't responding. Nothing was sent. Resume when it responds again.")
        TROUBLE = "trouble", _("The account's credentials don't work. Fix them, then resume.")
        NOT_ALLOWED = "not_allowed", _("The requesting member's role no longer allows this.")
        QUIET = "quiet", _("Deleting is blocked during your team's quiet hours. Resume when they are over.")
        MEMBER_LEFT = (
            "member_left",
            _("The requesting member has left the team, or their API token has expired."),
        )
        TWO_FACTOR = (
            "two_factor",
            _("The requesting member hasn't set up two-factor authentication, which the team requires."),
        )
        NETWORK = "network", _("The team no longer allows the network that this was requested from.")

    account = models.ForeignKey(Account, models.CASCADE, related_name="bulks")
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # The API token it was requested with: a personal one, or one of the team.
    requested_through = models.ForeignKey(ApiToken, models.SET_NULL, null=True, blank=True, related_name="+")
    # The address of that request, which the team's networks must still allow at each step.
    requested_from = models.CharField(max_length=45, blank=True)
    # The same form sent twice has the same nonce and makes one bulk action.
    nonce = models.UUIDField(default=uuid.uuid4)
    # The API method, and the parameters that all objects share.
    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    problem = models.CharField(max_length=20, choices=Problem.choices, default=Problem.NONE, blank=True)
    # When a member dismissed its failed rows.
    dismissed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BulkQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["account", "nonce"], name="one_bulk_per_form")]
        indexes = [models.Index(fields=["state", "updated_at"])]


class BulkRow(models.Model):
    """One object of a bulk action, and its state."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Queued")
        RUNNING = "running", _("In progress")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    class Problem(models.TextChoices):
        """Why Sharedeck rejected the operation of this row."""

        NONE = "", _("None")
        BUSY = "busy", _("Another operation was in progress on this object.")
        WRONG_STATE = "wrong_state", _("Its state didn't allow this, or it no longer existed.")
        NOT_ENOUGH = "not_enough", _("Not enough free capacity.")
        INVALID = "invalid", _("The provider doesn't accept these values.")

    bulk = models.ForeignKey(Bulk, models.CASCADE, related_name="rows", db_index=False)
    object_id = models.PositiveIntegerField()
    subject = models.CharField(max_length=255)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # Increased by each retry: each attempt is an operation of its own.
    attempt = models.PositiveSmallIntegerField(default=1)
    operation = models.ForeignKey(Operation, models.SET_NULL, null=True, related_name="bulk_rows")
    problem = models.CharField(max_length=20, choices=Problem.choices, default=Problem.NONE, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["bulk", "object_id"], name="one_row_per_object")]
        indexes = [models.Index(fields=["bulk", "state", "id"])]
