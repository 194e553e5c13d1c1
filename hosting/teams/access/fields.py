"""The columns in which a team's policies are stored."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.teams.access import networks as networks_of
from hosting.teams.access.policy import Policy
from hosting.teams.access.quiet_hours import EVERY_DAY, QuietHours
from hosting.typed_numbers import between

LONGEST_GRACE_DAYS = 30
# A year: longer than any session of the panel.
LONGEST_SESSION_HOURS = 8_784

check_grace_days = between(0, LONGEST_GRACE_DAYS, _("Enter %(least)s to %(most)s days."))
check_session_hours = between(1, LONGEST_SESSION_HOURS, _("Enter %(least)s to %(most)s hours."))


class PolicyFields(models.Model):
    """The columns of `access.policy.Policy`."""

    two_factor_since = models.DateTimeField(null=True, blank=True)
    grace_days = models.PositiveSmallIntegerField(
        _("days to set up two-factor authentication"), default=7, validators=[MaxValueValidator(LONGEST_GRACE_DAYS)]
    )
    session_hours = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(LONGEST_SESSION_HOURS)]
    )
    # CIDR networks as text; none means everywhere.
    networks = models.JSONField(default=list, blank=True)
    # Both times or neither. An empty zone stands for the panel's, no day for every day.
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_zone = models.CharField(max_length=64, blank=True)
    quiet_days = models.JSONField(default=list, blank=True)

    class Meta:
        abstract = True

    def policy(self) -> Policy:
        """The policies as a value for checks."""
        return Policy(
            two_factor_since=self.two_factor_since,
            grace_days=self.grace_days,
            session_hours=self.session_hours,
            networks=tuple(networks_of.read(text) for text in self.networks),
            quiet=self._quiet(),
        )

    def _quiet(self) -> QuietHours | None:
        if self.quiet_from is None or self.quiet_until is None:
            return None
        return QuietHours(
            self.quiet_from,
            self.quiet_until,
            self.quiet_zone or settings.TIME_ZONE,
            frozenset(self.quiet_days) or EVERY_DAY,
        )


POLICY_CONSTRAINTS: list[models.BaseConstraint] = [
    models.CheckConstraint(condition=models.Q(grace_days__lte=LONGEST_GRACE_DAYS), name="a_grace_that_ends"),
    models.CheckConstraint(
        condition=models.Q(session_hours=None) | models.Q(session_hours__range=(1, LONGEST_SESSION_HOURS)),
        name="a_session_of_some_hours",
    ),
    models.CheckConstraint(
        condition=models.Q(quiet_from=None, quiet_until=None)
        | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
        name="quiet_hours_begin_and_end",
    ),
]
