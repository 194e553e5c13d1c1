"""The free capacity of an account: what the mirror shows, less what open operations have reserved."""

from dataclasses import replace

from django.db.models import Count, Q, Sum

from hosting.accounts.models import Account
from hosting.inventory.capacity import Amounts, Capacity
from hosting.inventory.models import AccountInfo, Product
from hosting.operations.kinds.catalogue import AddProduct, CreateVm
from hosting.operations.models.operation import Operation


def overview(account: Account, *, info: AccountInfo | None = None) -> Capacity | None:
    """The account's capacity; None before the first import. Two queries, or one when `info` is given.

    An operation's reservation counts until the mirror was read after the provider had accepted the operation. From
    then on the provider reports it as used.
    """
    info = info or AccountInfo.objects.filter(account=account).first()
    if info is None:
        return None
    pending = (
        Operation.objects.open()
        .filter(Q(answered_at=None) | Q(answered_at__gte=info.read_at), account=account)
        .aggregate(
            shares=Sum("reserved_shares"),
            disk_mb=Sum("reserved_disk_mb"),
            servers=Count("pk", filter=Q(kind=CreateVm.method)),
        )
    )
    share = Amounts.from_json(info.share_definition)
    # A reserved share also reserves the memory and cores that come with it. Disk is reserved separately.
    reserved = replace(share.times(pending["shares"] or 0), disk_mb=pending["disk_mb"] or 0, servers=pending["servers"])
    return Capacity(
        share=share,
        granted=Amounts.from_json(info.granted),
        used=Amounts.from_json(info.used),
        available=Amounts.from_json(info.available),
        expired=Amounts.from_json(info.expired),
        reserved=reserved,
    )


def shares_being_bought(account: Account) -> int:
    """The shares of purchases under way: they can't be used until the purchase is done."""
    asked = (
        Operation.objects.under_way().filter(account=account, kind=AddProduct.method).values_list("params", flat=True)
    )
    return sum(
        int(params.get("quantity", 0)) for params in asked if params.get("product_name") != Product.Name.DISK.value
    )
