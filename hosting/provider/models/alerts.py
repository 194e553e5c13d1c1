"""What the provider's staff should look at."""

from django.db import models

from hosting.provider.models.hosts import Host
from hosting.provider.models.machines import Vm


class Alert(models.Model):
    """Something that the engine cannot settle by itself. It is raised once, and ends by itself or by staff."""

    class Kind(models.TextChoices):
        HOST_AWAY = "host away"
        GUEST_MISSING = "guest missing"
        GUEST_UNKNOWN = "guest unknown"
        GUEST_CRASHES = "guest crashes"
        GUEST_STOPPED = "guest paused by its host"
        OPERATION = "operation given up"

    kind = models.CharField(max_length=24, choices=Kind.choices)
    about = models.CharField(max_length=64, help_text="the host, guest or operation")
    text = models.TextField()
    host = models.ForeignKey(Host, models.CASCADE, null=True, blank=True, related_name="alerts")
    vm = models.ForeignKey(Vm, models.CASCADE, null=True, blank=True, related_name="alerts")
    date_raised = models.DateTimeField()
    date_ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "about"], condition=models.Q(date_ended=None), name="one_open_alert_about_a_thing"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"
