"""Addresses that VMs are given."""

from django.db import models


class AddressPool(models.Model):
    """A network whose addresses VMs are given, on the hosts that are connected to it."""

    class Family(models.IntegerChoices):
        IPV4 = 4
        IPV6 = 6

    family = models.PositiveSmallIntegerField(choices=Family.choices)
    cidr = models.CharField(max_length=49, unique=True, help_text="for example 192.0.2.0/24")
    gateway = models.GenericIPAddressField()
    bridge = models.CharField(max_length=15, blank=True, help_text="for hosts with this bridge; empty: for all others")
    # Addresses before this one, counted from the beginning of the network, were given once, or never will be.
    next_offset = models.PositiveBigIntegerField(default=1, editable=False)

    def __str__(self) -> str:
        return self.cidr


class Address(models.Model):
    """An address that was given at least once. It belongs to an interface, or was released."""

    pool = models.ForeignKey(AddressPool, models.PROTECT, related_name="addresses")
    ip = models.GenericIPAddressField(unique=True)
    reverse = models.CharField(max_length=253, blank=True, help_text="in the DNS; empty: its VM's host name")
    released = models.DateTimeField(null=True, blank=True, help_text="given again some time after that")

    class Meta:
        indexes = [models.Index(fields=["pool", "released"], name="released_addresses")]

    def __str__(self) -> str:
        return self.ip
