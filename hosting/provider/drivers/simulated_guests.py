"""What the simulation remembers of its guests: a table of its own, apart from the provider's rows."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from hosting.provider.drivers.base import GuestState, Observed
from hosting.provider.models import SimulatedGuest

_COLUMNS = ("state", "memory_mb", "disks")


class GuestTable:
    """The guests of all simulated hosts, in the provider's database."""

    def of(self, host_id: int) -> Mapping[UUID, Observed]:
        rows = SimulatedGuest.objects.filter(host_id=host_id).values_list("uuid", *_COLUMNS)
        return {uuid: _observed(*columns) for uuid, *columns in rows}

    def get(self, host_id: int, uuid: UUID) -> Observed | None:
        found = SimulatedGuest.objects.filter(host_id=host_id, uuid=uuid).values_list(*_COLUMNS).first()
        return _observed(*found) if found else None

    def states(self, uuids: Sequence[UUID]) -> Mapping[UUID, GuestState]:
        rows = SimulatedGuest.objects.filter(uuid__in=uuids).values_list("uuid", *_COLUMNS)
        return {uuid: _observed(*columns).state for uuid, *columns in rows}

    def put(self, host_id: int, uuid: UUID, guest: Observed) -> None:
        self.put_all(host_id, {uuid: guest})

    def put_all(self, host_id: int, guests: Mapping[UUID, Observed]) -> None:
        """Write many at once, as for a fleet that is there from the beginning."""
        SimulatedGuest.objects.bulk_create(
            [
                SimulatedGuest(
                    uuid=uuid, host_id=host_id, state=guest.state, memory_mb=guest.memory_mb, disks=list(guest.disks)
                )
                for uuid, guest in guests.items()
            ],
            batch_size=500,
            update_conflicts=True,
            unique_fields=["uuid"],
            update_fields=["host_id", *_COLUMNS],
        )

    def remove(self, host_id: int, uuid: UUID) -> None:
        SimulatedGuest.objects.filter(host_id=host_id, uuid=uuid).delete()


def _observed(state: GuestState, memory_mb: int, disks: list[int]) -> Observed:
    return Observed(state, memory_mb, tuple(disks), "simulated" if state == "crashed" else "")
