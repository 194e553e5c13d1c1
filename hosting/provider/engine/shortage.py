"""What happens to VMs when shares end: the provider pauses the newest, and starts them again when the shares are back.

Each is an operation that names its reason. While the account is locked, no other worker can find the same VMs: nothing
is paused or started twice.
"""

import logging
from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from hosting.provider.engine import projection, renewals
from hosting.provider.engine.accept import accept
from hosting.provider.models import HostingAccount, Operation, Product, Vm
from hosting.provider.rules import capacity, fitting, products, values

log = logging.getLogger(__name__)

_RUNS = (Vm.State.RUNNING, Vm.State.BEING_CREATED)
_REASONS = (values.SHARES_ENDED, values.SHARES_BACK)


def settle_all() -> None:
    """Pause or start what has to be, on every account whose shares have ended or are back."""
    for account in _candidates(timezone.now()):
        try:
            settle(account)
        except Exception:
            log.exception("account %s: the VMs could not be paused or started; trying again", account.pk)


def settle(account: HostingAccount) -> None:
    """Pause the newest VMs of an account until what runs fits, or start those that fit again."""
    with transaction.atomic():
        account = HostingAccount.objects.select_for_update().get(pk=account.pk)
        now = timezone.now()
        vms = _expected(account, tried_since=now - values.RETRY_AFTER)
        running = [vm for vm, state in vms if state in _RUNS]
        waiting = [vm for vm, state in vms if state == Vm.State.PAUSED and vm.shares_ended]
        taken = sum(vm.shares for vm in running)
        pausing = fitting.to_pause(
            ((vm.pk, vm.shares) for vm in reversed(running)), taken - _promised_shares(account, now)
        )
        granted = capacity.granted_and_expired(account)[0].shares
        starting = fitting.to_start(((vm.pk, vm.shares) for vm in waiting), granted - taken)
        if pausing:
            _begin(account, "vm_stop", pausing, values.SHARES_ENDED, shares_ended=_shares_ended(account, now))
        elif starting:
            _begin(account, "vm_start", starting, values.SHARES_BACK)


def running_shares(account: HostingAccount) -> int:
    """The shares of the VMs of an account that run, or will when the operations accepted so far are done."""
    return sum(vm.shares for vm, state in _expected(account) if state in _RUNS)


def _candidates(now: datetime) -> QuerySet[HostingAccount]:
    """Accounts on which VMs have to be paused, or may fit again."""
    shares = Product.objects.filter(state=Product.State.ACTIVE).exclude(product_name="disk")
    have_ended = Q(pk__in=shares.filter(date_end__lte=now).values("account"))
    have_paused = Q(pk__in=Vm.objects.filter(shares_ended__isnull=False).values("account"))
    granted = shares.filter(account=OuterRef("pk"), date_end__gt=now).order_by().values("account")
    running = Vm.objects.filter(account=OuterRef("pk"), state__in=_RUNS).order_by().values("account")
    return HostingAccount.objects.alias(
        granted=Coalesce(Subquery(granted.annotate(sum=Sum("quantity")).values("sum")), 0),
        running=Coalesce(Subquery(running.annotate(sum=Sum("shares")).values("sum")), 0),
    ).filter(have_ended & Q(running__gt=F("granted")) | have_paused & Q(granted__gt=F("running")))


def _expected(account: HostingAccount, *, tried_since: datetime | None = None) -> list[tuple[Vm, str]]:
    """The VMs of an account, oldest first, each with the state that its open operations will leave it in.

    What the provider has tried in vain since `tried_since` counts as done, so that it is not tried again at once, nor
    with another VM. Operations are read before VMs: one that ends in between counts either way.
    """
    counted = Q(state__in=Operation.OPEN)
    if tried_since is not None:
        in_vain = (Operation.State.ERROR, Operation.State.CANCEL)
        counted |= Q(state__in=in_vain, date_updated__gt=tried_since, params__reason__in=_REASONS)
    by_vm: dict[int | None, list[Operation]] = {}
    for operation in account.operations.filter(counted, vm__isnull=False).order_by("pk"):
        by_vm.setdefault(operation.vm_id, []).append(operation)
    vms = account.vms.filter(state__in=capacity.VM_LIVE).order_by("date_created", "pk")
    return [(vm, projection.vm_expected(vm, by_vm.get(vm.pk, ())).state) for vm in vms]


def _promised_shares(account: HostingAccount, now: datetime) -> int:
    """The shares that are granted, or will be when a renewal is done that is under way or about to begin by itself."""
    under_way = account.products.filter(
        state=Product.State.ACTIVE,
        date_end__lte=now,
        operations__type=products.RENEW,
        operations__state__in=Operation.OPEN,
    ).exclude(product_name="disk")
    back = dict(under_way.values_list("pk", "quantity"))
    about_to_begin = (product for product in renewals.coming(account, now) if product.date_end <= now)
    back |= {product.pk: product.quantity for product in about_to_begin if product.product_name != "disk"}
    return capacity.granted_and_expired(account)[0].shares + sum(back.values())


def _shares_ended(account: HostingAccount, now: datetime) -> datetime:
    """When the shares that are missing ended: the latest end of a product of the account."""
    ended = account.products.filter(state=Product.State.ACTIVE, date_end__lte=now).exclude(product_name="disk")
    return ended.order_by("-date_end").values_list("date_end", flat=True).first() or now


def _begin(
    account: HostingAccount, kind: str, vm_ids: Iterable[int], reason: str, *, shares_ended: datetime | None = None
) -> None:
    for vm in account.vms.in_bulk(list(vm_ids)).values():
        params: dict[str, object] = {"vm_id": vm.pk, "hostname": vm.hostname, "reason": reason}
        if shares_ended:
            params["shares_ended"] = shares_ended.replace(microsecond=0).isoformat()
        operation = accept(account, kind, params, vm=vm)
        log.info("VM %s: %s by the provider (%s), operation %s", vm.pk, kind, reason, operation.pk)
