"""The audit log: entries that are never changed, and the head of each team's hash chain."""

from typing import Any, NoReturn

from django.db import models
from django.utils import timezone

from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Permission


class AppendOnlyError(Exception):
    """Code tried to change or delete an entry of the audit log."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, member: Membership) -> "AuditQuerySet":
        """The entries that the member may read; for a narrowed role, those of its accounts."""
        if not member.may(Permission.READ_AUDIT):
            return self.none()
        mine = self.filter(team=member.team_id)
        reach = member.reach()
        return mine if reach is None else mine.filter(account_id__in=reach)

    def update(self, **kwargs: object) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, *args: object, **kwargs: object) -> NoReturn:
        raise AppendOnlyError


class AuditEntry(models.Model):
    """One entry of the audit log, written in the transaction of the change it records. It never holds a secret."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="audit_entries", db_index=False)
    # The position in the team's chain, from 1, and the digest that proves it: see `chain`.
    sequence = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    # The actor and their name at that time, which stays when the person is renamed or deleted.
    actor = models.ForeignKey(User, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False)
    actor_name = models.CharField(max_length=254, blank=True)
    # Where the request came from: see `Origin`.
    address = models.CharField(max_length=45, blank=True)
    session = models.CharField(max_length=16, blank=True)
    token_id = models.BigIntegerField(null=True, blank=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=255)
    # What the entry is about: an account, an object ("vm:12"), an operation.
    account_id = models.BigIntegerField(null=True, blank=True)
    thing = models.CharField(max_length=60, blank=True)
    operation_id = models.BigIntegerField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    # The outcome, such as "refused"; empty when the action was carried out.
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-sequence"]
        constraints = [models.UniqueConstraint(fields=["team", "sequence"], name="one_chain_per_team")]
        indexes = [
            # The filters of the audit log, each in the order in which entries are read.
            models.Index(fields=["team", "actor", "-sequence"], name="trail_of_a_person"),
            models.Index(fields=["team", "account_id", "-sequence"], name="trail_of_an_account"),
            models.Index(fields=["team", "at"], name="trail_by_time"),
            # The history on an object's page.
            models.Index(
                fields=["account_id", "thing", "-sequence"], condition=~models.Q(thing=""), name="trail_of_an_object"
            ),
            models.Index(
                fields=["operation_id", "-sequence"],
                condition=models.Q(operation_id__isnull=False),
                name="trail_of_an_operation",
            ),
            models.Index(
                fields=["team", "outcome", "-sequence"], condition=~models.Q(outcome=""), name="trail_by_outcome"
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert a new entry.

        Raises:
            AppendOnlyError: the entry exists already.
        """
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise AppendOnlyError


class AuditHead(models.Model):
    """The last entry of a team's chain. Writing the next entry locks this row first."""

    team = models.OneToOneField(Team, models.PROTECT, related_name="audit_head")
    sequence = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
