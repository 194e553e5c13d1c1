"""The driver for hosts that libvirt manages: real guests on QEMU."""

from hosting.provider.drivers.libvirt.driver import LibvirtDriver

__all__ = ["LibvirtDriver"]
