"""Hosts, on which guests run, and what the simulation remembers of its guests."""

from django.db import models


class Installation(models.Model):
    """This installation of the provider, in one row: hosts that serve several tell their guests apart by its token."""

    token = models.CharField(max_length=12, primary_key=True, editable=False)


class Host(models.Model):
    """A machine with a hypervisor. VMs and disks belong to the one on which they were made."""

    class State(models.TextChoices):
        ACTIVE = "active"
        MAINTENANCE = "maintenance"  # it keeps what it has, and gets no new VMs
        AWAY = "away"  # it does not answer; set and unset by the engine

    name = models.CharField(max_length=64, unique=True)
    uri = models.CharField(max_length=255, blank=True, help_text="libvirt's address; empty for the simulation")
    state = models.CharField(max_length=11, choices=State.choices, default=State.ACTIVE)
    pool = models.CharField(max_length=64, blank=True, help_text="the storage pool that holds its disks")
    bridge = models.CharField(max_length=15, blank=True, help_text="the bridge that its VMs are connected to")
    emulated = models.BooleanField(default=False, help_text="without KVM: slow, for demonstrations and tests")
    # What it has in all, as it says itself. Nothing is placed on a host before that is known.
    cores = models.PositiveIntegerField(null=True, blank=True)
    memory_mb = models.PositiveIntegerField(null=True, blank=True)
    pool_mb = models.PositiveIntegerField(null=True, blank=True)
    cpu_overcommit = models.FloatField(default=1.0, help_text="how often each of its cores is given away")
    observe_after = models.DateTimeField(null=True, editable=False)  # when the engine looks at its guests again
    usage_after = models.DateTimeField(null=True, editable=False)  # when it asks again what they use

    def __str__(self) -> str:
        return self.name


class SimulatedGuest(models.Model):
    """A guest of the simulated driver, as a real host would know it. Staff and tests may have it end by itself."""

    class State(models.TextChoices):
        RUNNING = "running"
        HALTED = "halted"
        CRASHED = "crashed"
        PAUSED = "paused"

    uuid = models.UUIDField(primary_key=True)
    host_id = models.PositiveIntegerField(db_index=True)
    state = models.CharField(max_length=8, choices=State.choices)
    memory_mb = models.PositiveIntegerField()
    disks = models.JSONField(default=list, help_text="ids, the boot disk first")
