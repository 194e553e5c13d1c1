"""Which open consoles must be closed, in a fixed number of queries for all of them."""

from collections.abc import Sequence

from hosting.inventory.models import Vm
from hosting.viewings import lifecycle
from hosting.viewings.lifecycle import End
from hosting.viewings.models import Viewing
from hosting.web.access import viewers


def ended(viewings: Sequence[Viewing]) -> dict[int, End]:
    """Why each of these must be closed, by key. The leases of the others are renewed."""
    recorded = set(Viewing.objects.filter(pk__in=[each.pk for each in viewings]).values_list("pk", flat=True))
    admitted = viewers.admitted(viewings)
    servers = set(
        Vm.objects.filter(
            account__in={each.account_id for each in viewings}, remote_id__in={each.vm_remote_id for each in viewings}
        ).values_list("account_id", "remote_id")
    )
    found = {}
    for viewing in viewings:
        if viewing.pk not in recorded:
            # The sweep took this process for dead, and has recorded the end.
            found[viewing.pk] = End.LOST
        elif viewing.pk not in admitted:
            found[viewing.pk] = End.ACCESS
        elif (viewing.account_id, viewing.vm_remote_id) not in servers:
            found[viewing.pk] = End.GONE
    lifecycle.renew([each.pk for each in viewings if each.pk not in found])
    return found
