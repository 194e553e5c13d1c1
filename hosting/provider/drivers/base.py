"""The interface of drivers: they make on a host what the engine's rows say is wanted.

A driver knows hosts, guests and volumes, and nothing of the provider's rows: everything it needs is in the
`Work` that it is handed. Its verbs read what is there and do what is missing, so the engine may call them again at
any moment: after a restart, after a host was away, or because the work was not finished at the last call.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

GuestState = Literal["running", "halted", "crashed", "paused"]


@dataclass(frozen=True)
class HostRef:
    """A host as its drivers reach it. `uri`: libvirt's, or empty for the simulation. `emulated`: without KVM.

    `installation`: a short token (`[a-z0-9]{1,12}`) of the provider whose guests and volumes are meant; the driver
    leaves everything else on the host alone.
    """

    id: int
    name: str
    uri: str = ""
    pool: str = ""
    bridge: str = ""
    emulated: bool = False
    installation: str = ""


@dataclass(frozen=True)
class ImageRef:
    """The immutable file of an operating system in the host's pool, and the user that it makes besides root."""

    file: str
    sha256: str
    virtual_mb: int
    agent: bool = True


@dataclass(frozen=True)
class DiskSpec:
    """A volume. A guest finds it by its serial, `disk-ID`. `position`: 0 is the boot disk, None is not attached.

    `made`: its volume exists; when a host no longer has it, it is lost, and must not be made anew. `generation`: how
    often its content was made anew before; each content has a volume of its own.
    """

    id: int
    size_mb: int
    fstype: str
    label: str
    kind: Literal["system", "data"]
    position: int | None = None
    image: ImageRef | None = None
    made: bool = False
    generation: int = 0


@dataclass(frozen=True)
class NicSpec:
    """The network interface of a guest; its addresses belong to it alone. `kbit`: per second, each way."""

    mac: str
    ipv4: str
    ipv6: str
    prefix4: int
    prefix6: int
    gateway4: str
    gateway6: str
    dns: tuple[str, ...] = ()
    kbit: int = 0


@dataclass(frozen=True)
class VmSpec:
    """A guest as it is wanted. Memory in MB. `uuid` is made of the installation and the id of the VM.

    `user_data` is what it runs at its first boot: a script or a cloud-config. It is a secret, given with a `vm_create`
    alone, and shows in no repr.
    """

    id: int
    uuid: UUID
    hostname: str
    shares: int
    cores: int
    memory_mb: int
    max_memory_mb: int
    disks: tuple[DiskSpec, ...]
    nic: NicSpec | None
    login: str = ""
    ssh_keys: tuple[str, ...] = ()
    user_data: str = field(default="", repr=False)

    @property
    def generation(self) -> int:
        """How often its operating system was installed anew: the generation of its boot disk."""
        return next((disk.generation for disk in self.disks if disk.position == 0), 0)


@dataclass(frozen=True)
class Work:
    """One operation as a driver sees it.

    `before` and `after` are the VM as it was and as it is wanted (None: there is none); `disk` is the disk of a disk
    operation as it is wanted: attached at `position`, or detached. `started`: when the operation was begun first, so
    that deadlines survive a restart. `password` is a secret, and shows in no repr; a `vm_start` has one when it is the
    first start of a new installation. `scripted_failure`: the error with which it is to end, if any.
    """

    operation_id: int
    type: str
    host: HostRef
    before: VmSpec | None
    after: VmSpec | None
    disk: DiskSpec | None
    started: datetime
    password: str = field(default="", repr=False)
    scripted_failure: str = ""


@dataclass(frozen=True)
class Again:
    """The work is under way: call again in `after_s` seconds. `eta_s`: seconds that it may still take in all."""

    after_s: float
    eta_s: float


@dataclass(frozen=True)
class Observed:
    """A guest as its host shows it. `disks`: the ids of the disks attached to it. `reason`: for staff, not customers.

    "halted" is a guest that was shut down, from inside or by the engine; "crashed" one that ended in any other way:
    its process died, its start was broken off, or its host lost power. The engine starts the latter again.
    "paused" with a reason is a guest that its host stopped, for instance for want of space; without one, `power` did.
    """

    state: GuestState
    memory_mb: int = 0
    disks: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class Usage:
    """What a guest has used since it was started, and the memory that it uses now. All zero while it does not run.

    `cpu_ns`: nanoseconds of one core. Disks and network in bytes; `net_in` is what the guest has received.
    """

    cpu_ns: int = 0
    memory_mb: int = 0
    disk_read: int = 0
    disk_written: int = 0
    net_in: int = 0
    net_out: int = 0


@dataclass(frozen=True)
class HostCapacity:
    """What a host has in all: memory and pool in MB."""

    cores: int
    memory_mb: int
    pool_mb: int


class HostAway(Exception):  # noqa: N818
    """The host does not answer: nothing is known and nothing has failed. The text is for staff."""


class CannotDo(Exception):  # noqa: N818
    """The host answered that it cannot be done. The text is a sentence for the customer: no path, no name of a host."""


class ConsoleEvents(Protocol):
    """What a driver tells of a console that it has opened, from any thread.

    `received` may block: until it returns, the driver reads no more of this console, and what a guest prints faster
    than it is taken waits on its host.
    """

    def received(self, data: bytes) -> None:
        """The guest printed something."""
        ...

    def ended(self) -> None:
        """Nothing more will come: the guest stopped, or its host was lost. Who wants to know opens the console anew."""
        ...


class Console(Protocol):
    """The serial console of a guest. Its methods may block, and are called in the thread that opened it."""

    def send(self, data: bytes) -> None:
        """Type something. What is sent to a console that has ended is lost, as on a wire that leads nowhere."""
        ...

    def close(self) -> None:
        """Read and send no more. Nothing happens when it has ended already."""
        ...


class Driver(Protocol):
    """Carries out operations on hosts.

    `carry_out`, `clean_up`, `observe`, `usage`, `power` and `capacity` may block for seconds, and are called in lanes
    of their host. They raise `HostAway` or `CannotDo`; any other exception is a fault of the driver: it is logged, the
    work is tried again, and the customer reads none of it.
    """

    def estimate_s(self, kind: str) -> float:
        """Seconds that an operation of this type will probably take. Asked at acceptance, without any connection."""
        ...

    def carry_out(self, work: Work, fence: Callable[[], None]) -> Again | None:
        """Do what is missing of the work. None: it is done.

        `fence` is called before each change: it raises when another worker has taken over the work.
        """
        ...

    def clean_up(self, work: Work, fence: Callable[[], None]) -> Again | None:
        """Go back to `before`, or to nothing, after the work ended in ERROR. None: it is done."""
        ...

    def observe(self, host: HostRef) -> Mapping[UUID, Observed]:
        """Every guest of this installation on the host, whether the engine knows it or not. One call for a host."""
        ...

    def usage(self, host: HostRef) -> Mapping[UUID, Usage]:
        """What the guests of this installation use. One call for a host; who can't tell at once is left out."""
        ...

    def power(self, host: HostRef, uuid: UUID, to: Literal["running", "paused"]) -> None:
        """Have a guest run (started, started again or resumed) or stand still. Nothing happens when it does already."""
        ...

    def open_console(self, host: HostRef, vm: VmSpec, events: ConsoleEvents) -> Console:
        """Open the serial console of a guest that runs. It has one: who held it before loses it.

        Called in a thread of this console alone, outside of the engine.
        """
        ...

    def capacity(self, host: HostRef) -> HostCapacity:
        """What the host has in all."""
        ...

    def file_systems(self, host: HostRef) -> tuple[str, ...]:
        """The file systems that disks can be made with on the host."""
        ...
