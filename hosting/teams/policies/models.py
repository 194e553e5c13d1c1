"""Spending limits, and a change of them that waits for a second owner.

A team's other policies are columns of the team: see `access.fields`.
"""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Team, User
from hosting.teams.roles import PERMISSIONS, Permission, Role

# The roles that can have a spending limit.
SPENDING_ROLES = tuple(role.value for role in Role if Permission.SPEND in PERMISSIONS[role])


class SpendingLimit(models.Model):
    """How much all members with a role may spend together in a calendar month (UTC), across the team's accounts.

    Operations beyond it wait for approval. None: no limit.
    """

    team = models.ForeignKey(Team, models.CASCADE, related_name="spending_limits")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    shares = models.PositiveIntegerField(_("shares"), null=True, blank=True)
    # In the currency of each account; currencies are counted separately.
    money = models.DecimalField(_("money"), max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "role"], name="one_ceiling_per_role"),
            models.CheckConstraint(condition=models.Q(role__in=SPENDING_ROLES), name="a_ceiling_is_for_who_may_spend"),
            models.CheckConstraint(
                condition=models.Q(money=None) | models.Q(money__gte=0), name="no_ceiling_below_nothing"
            ),
        ]


class PendingLimits(models.Model):
    """A change of a team's spending limits that waits for a second owner: at most one, the latest."""

    team = models.OneToOneField(Team, models.CASCADE, related_name="pending_limits")
    # The limits of the roles that change, as `Limits.as_json`.
    limits = models.JSONField(default=dict)
    # The team's `limits_need_second_owner` after the change.
    need_second_owner = models.BooleanField(default=True)
    requested_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now)
