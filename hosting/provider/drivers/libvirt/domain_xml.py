"""The definition of a guest for libvirt.

Nothing in it is read from the host, so the same wish gives the same definition, and it can be written anew at any time.
"""

from xml.sax.saxutils import quoteattr

from hosting.provider.drivers.base import DiskSpec, HostRef, NicSpec, VmSpec
from hosting.provider.drivers.libvirt import names
from hosting.provider.drivers.libvirt.network import FILTER

# Of processors and disks that can be added while a guest runs.
MOST_CORES = 4
# The weight of one share: what a share guarantees when all guests want the processors, and any may use what is idle.
WEIGHT = 100
# A machine of this type takes 31 disks while it runs; newer ones need a port for each.
MACHINE = "pc"
# Without this, QEMU keeps a gigabyte of translated code for a guest of any size.
TRANSLATED_CODE_MB = 64


def target(position: int) -> str:
    """vda is the boot disk. Beyond z come aa, ab …, as Linux names disks."""
    letters = ""
    position += 1
    while position:
        position, letter = divmod(position - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return f"vd{letters}"


def disk(host: HostRef, spec: DiskSpec, position: int) -> str:
    """A disk at a position of a guest. System disks are overlays of an image."""
    kind = "qcow2" if spec.kind == "system" else "raw"
    return (
        f"<disk type='volume' device='disk'><driver name='qemu' type='{kind}' discard='unmap' error_policy='stop'/>"
        f"<source pool={quoteattr(host.pool)} volume={quoteattr(names.volume(host, spec))}/>"
        f"<target dev='{target(position)}' bus='virtio'/><serial>{names.serial(spec)}</serial></disk>"
    )


def _interface(host: HostRef, nic: NicSpec | None) -> str:
    if nic is None:
        return ""
    # libvirt counts kilobytes a second, the provider kilobits. A host without KVM is a demonstration on some kernel
    # that may lack the scheduler which libvirt limits with: its guests are not limited.
    average = 0 if host.emulated else nic.kbit // 8
    limit = f"<bandwidth><inbound average='{average}'/><outbound average='{average}'/></bandwidth>" if average else ""
    return f"""
    <interface type='bridge'>
      <source bridge={quoteattr(host.bridge)}/><mac address={quoteattr(nic.mac)}/><model type='virtio'/>
      <filterref filter='{FILTER}'>
        <parameter name='IP' value={quoteattr(nic.ipv4)}/><parameter name='IPV6' value={quoteattr(nic.ipv6)}/>
      </filterref>
      {limit}
    </interface>"""


def domain(host: HostRef, vm: VmSpec) -> str:
    """The whole definition of a guest as it is wanted."""
    disks = "\n    ".join(disk(host, each, each.position) for each in vm.disks if each.position is not None)
    processor = "<cpu mode='maximum'/>" if host.emulated else "<cpu mode='host-model'/>"
    features = f"<tcg><tb-cache unit='MiB'>{TRANSLATED_CODE_MB}</tb-cache></tcg>" if host.emulated else ""
    return f"""<domain type='{"qemu" if host.emulated else "kvm"}'>
  <name>{names.guest(host, vm)}</name>
  <uuid>{vm.uuid}</uuid>
  <memory unit='MiB'>{max(vm.max_memory_mb, vm.memory_mb)}</memory>
  <currentMemory unit='MiB'>{vm.memory_mb}</currentMemory>
  <vcpu current='{vm.cores}'>{max(MOST_CORES, vm.cores)}</vcpu>
  <cputune><shares>{WEIGHT * vm.shares}</shares></cputune>
  <os><type arch='x86_64' machine='{MACHINE}'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/>{features}</features>
  {processor}
  <clock offset='utc'/>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    {disks}
    <controller type='scsi' model='virtio-scsi'/>
    <disk type='volume' device='cdrom'>
      <driver name='qemu' type='raw'/>
      <source pool={quoteattr(host.pool)} volume={quoteattr(names.seed(host, vm))}/>
      <target dev='sda' bus='scsi'/><readonly/>
    </disk>{_interface(host, vm.nic)}
    <serial type='pty'><target port='0'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <memballoon model='virtio'><stats period='10'/></memballoon>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>"""
