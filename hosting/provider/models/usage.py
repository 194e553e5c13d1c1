"""What guests use, minute by minute."""

from django.db import models

from hosting.provider.models.machines import Vm


class UsageSample(models.Model):
    """The counters of a VM's guest as its host showed them: one sample a VM and minute, kept for 48 hours.

    Counters begin anew when a guest is started; averages are taken between two samples (`rules.usage`).
    """

    id = models.BigAutoField(primary_key=True)
    vm = models.ForeignKey(Vm, models.CASCADE, db_index=False, related_name="usage_samples")
    minute = models.PositiveIntegerField(help_text="since 1970")
    at = models.DateTimeField()
    # See `drivers.base.Usage`.
    cpu_ns = models.BigIntegerField()
    memory_mb = models.PositiveIntegerField()
    disk_read = models.BigIntegerField()
    disk_written = models.BigIntegerField()
    net_in = models.BigIntegerField()
    net_out = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["minute"], name="usage_samples_by_age")]
        constraints = [models.UniqueConstraint(fields=["vm", "minute"], name="one_usage_sample_a_minute")]
