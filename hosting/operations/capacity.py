"""What an account can still ask for: the mirror's capacity less what open operations have set aside."""

from django.db.models import Q, Sum

from hosting.accounts.models import Account
from hosting.inventory.capacity import Amounts, Capacity
from hosting.inventory.models import AccountInfo
from hosting.operations.models import Operation


def overview(account: Account) -> Capacity | None:
    """The account's capacity in two queries; None before it was first read.

    An operation's reservation counts until the mirror was read after the provider had accepted it: from then on it
    is part of what the provider calls used.
    """
    info = AccountInfo.objects.filter(account=account).first()
    if info is None:
        return None
    pending = (
        Operation.objects.open()
        .filter(Q(answered_at=None) | Q(answered_at__gte=info.read_at), account=account)
        .aggregate(shares=Sum("reserved_shares"), disk_mb=Sum("reserved_disk_mb"))
    )
    return Capacity(
        share=Amounts.from_json(info.share_definition),
        granted=Amounts.from_json(info.granted),
        used=Amounts.from_json(info.used),
        available=Amounts.from_json(info.available),
        expired=Amounts.from_json(info.expired),
        reserved=Amounts(shares=pending["shares"] or 0, disk_mb=pending["disk_mb"] or 0),
    )
