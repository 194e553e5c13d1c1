"""What the provider offers."""

from django.db import models


class Price(models.Model):
    """What one unit (a share, or a MB of disk) costs a month."""

    product_name = models.CharField(max_length=32, unique=True)
    amount = models.DecimalField(max_digits=12, decimal_places=6, help_text="for one unit and month, in EUR")

    def __str__(self) -> str:
        return self.product_name


class OsImage(models.Model):
    """An operating system that a VM can be created with."""

    label = models.CharField(max_length=100)
    arch = models.CharField(max_length=16, choices=[("x86-32", "x86-32"), ("x86-64", "x86-64")])
    family = models.CharField(max_length=32, default="linux")
    kernel_version = models.CharField(max_length=64)
    min_disk = models.PositiveIntegerField(help_text="size of the system disk, in MB")
    visibility = models.CharField(max_length=16, default="all")
    offered = models.BooleanField(default=True, help_text="listed, and open to new VMs")
    file = models.CharField(max_length=200, blank=True, help_text="its file in the pools of hosts; never overwritten")
    sha256 = models.CharField(max_length=64, blank=True)
    agent = models.BooleanField(default=True, help_text="it has the QEMU guest agent")

    def __str__(self) -> str:
        return self.label
