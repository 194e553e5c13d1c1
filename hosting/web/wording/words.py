"""Names for people: of operations, products, objects and parameters."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from hosting.inventory.models import Disk, Product, Vm
from hosting.operations.capacity import expiry
from hosting.operations.costs.auto_renewals import Cover
from hosting.operations.costs.estimates import Price
from hosting.operations.kinds import catalogue
from hosting.operations.models import problems
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.requesters import requester_name
from hosting.reading import queries, search
from hosting.web.wording.formats import byte_size, day_words, money, plain, size
from hosting.web.wording.registry import register


@register.filter
def operation_title(operation: Operation) -> str:
    """The title of an operation with its object: "Stop server web-1"."""
    by_itself = _BY_THE_PROVIDER.get((operation.kind, operation.params.get("reason")))
    return f"{by_itself or catalogue.title(operation.kind)} {operation.subject}".strip()


# What the provider does by itself, by the method and the reason that it names (docs/provider-api.md).
_BY_THE_PROVIDER = {
    ("vm_stop", "shares_ended"): gettext_lazy("Pause server"),
    ("vm_start", "shares_back"): gettext_lazy("Resume server"),
    ("hosting_account_product_renew", "autorenew"): gettext_lazy("Renew product automatically"),
}
_REASONS = {
    "shares_ended": gettext_lazy("Its shares ended"),
    "shares_back": gettext_lazy("There are enough shares again"),
    "autorenew": gettext_lazy("Automatic renewal"),
}


@register.simple_tag
def explain(operation: Operation) -> problems.Problem | None:
    """Why an operation failed, in words."""
    return problems.explain(operation)


LISTS = {
    "servers": gettext_lazy("Servers"),
    "disks": gettext_lazy("Disks"),
    "shares": gettext_lazy("Shares"),
    "operations": gettext_lazy("Operations"),
    "changes": gettext_lazy("External changes"),
}


@register.filter
def list_label(section: str) -> str:
    """The name of a list."""
    return str(LISTS[section])


@register.filter
def kind_title(kind: str) -> str:
    return catalogue.title(kind)


KIND_NOUNS = {
    "hosting_account_product_add": gettext_lazy("purchase"),
    "hosting_account_product_renew": gettext_lazy("renewal"),
    "hosting_account_product_update": gettext_lazy("quantity change"),
    "hosting_account_product_remove": gettext_lazy("release"),
    "vm_create": gettext_lazy("server creation"),
    "vm_update": gettext_lazy("resize"),
    "vm_delete": gettext_lazy("server deletion"),
    "vm_start": gettext_lazy("start"),
    "vm_stop": gettext_lazy("stop"),
    "vm_reboot": gettext_lazy("reboot"),
    "disk_create": gettext_lazy("disk creation"),
    "disk_delete": gettext_lazy("disk deletion"),
    "disk_attach": gettext_lazy("disk attachment"),
    "disk_detach": gettext_lazy("disk detachment"),
    "sharedeck.vm_rename": gettext_lazy("rename"),
    "sharedeck.vm_reinstall": gettext_lazy("reinstallation"),
    "sharedeck.ip_reverse": gettext_lazy("reverse name change"),
}
_BULK_TITLES = {
    "hosting_account_product_renew": ngettext_lazy("Renew %d product", "Renew %d products"),
    "vm_delete": ngettext_lazy("Delete %d server", "Delete %d servers"),
    "vm_start": ngettext_lazy("Start %d server", "Start %d servers"),
    "vm_stop": ngettext_lazy("Stop %d server", "Stop %d servers"),
    "vm_reboot": ngettext_lazy("Reboot %d server", "Reboot %d servers"),
    "disk_delete": ngettext_lazy("Delete %d disk", "Delete %d disks"),
}


def kind_noun(kind: str) -> str:
    """The noun for an operation of this kind ("stop"); an unknown kind keeps the provider's name."""
    return str(KIND_NOUNS.get(kind, kind))


@register.filter
def bulk_title(kind: str, count: int) -> str:
    """The title of a bulk action: "Stop 50 servers"."""
    if kind not in _BULK_TITLES:
        return f"{catalogue.title(kind)} × {count}"
    return str(_BULK_TITLES[kind] % count)


ICONS = {
    "hosting_account_product_add": "shopping-cart",
    "hosting_account_product_renew": "calendar-plus",
    "hosting_account_product_update": "sliders-horizontal",
    "hosting_account_product_remove": "circle-minus",
    "vm_create": "server",
    "vm_update": "scaling",
    "vm_delete": "trash-2",
    "vm_start": "play",
    "vm_stop": "square",
    "vm_reboot": "rotate-cw",
    "disk_create": "hard-drive",
    "disk_delete": "trash-2",
    "disk_attach": "link",
    "disk_detach": "unlink",
    "sharedeck.vm_rename": "pencil",
    "sharedeck.vm_reinstall": "disc-3",
    "sharedeck.ip_reverse": "globe",
}


@register.filter
def kind_icon(kind: str) -> str:
    return ICONS.get(kind, "activity")


@register.filter
def at(mapping: Mapping[Any, Any], key: Any) -> Any:
    """`mapping[key]`, or None."""
    return mapping.get(key) if mapping else None


@register.filter
def pairs(mapping: Mapping[Any, Any]) -> list[tuple[Any, Any]]:
    """`mapping.items()`, also where a key is called "items": a template's dot would find that one."""
    return list(mapping.items())


@register.filter
def share_count(count: int) -> str:
    """4 → 4 shares"""
    return ngettext("%d share", "%d shares", count) % count


@register.filter
def duration(text: str) -> str:
    """1m → 1 month, 2y → 2 years; other texts are returned as they are."""
    count, unit = text[:-1], text[-1:]
    if not count.isdecimal() or unit not in {"m", "y"}:
        return text
    number = int(count)
    if unit == "m":
        return ngettext("%d month", "%d months", number) % number
    return ngettext("%d year", "%d years", number) % number


@register.filter
def product_label(name: str) -> str:
    """The name of a product; an unknown one keeps the provider's name."""
    return str(dict(Product.Name.choices).get(name, name))


@register.simple_tag
def unit_price(price: Price, product_name: str) -> str:
    """The price of a share, or of a GB of disk quota, per month."""
    unit = Decimal(price.unit.numerator) / price.unit.denominator
    if product_name == Product.Name.DISK:
        return _("%(price)s per GB and month.") % {"price": money(unit * 1024, price.currency)}
    return _("%(price)s per share and month.") % {"price": money(unit, price.currency)}


@register.filter
def requested_by(thing: Operation | Plan | Bulk) -> str:
    """The name of the requester of an operation, a plan or a bulk action."""
    if isinstance(thing, Operation) and thing.origin == Operation.Origin.EXTERNAL:
        return _("External")
    return requester_name(thing) or "–"


OBJECT_TYPES = {
    "vm": gettext_lazy("server"),
    "disk": gettext_lazy("disk"),
    "product": gettext_lazy("product"),
}


@register.filter
def object_type(name: str) -> str:
    """The name of one of the provider's object types."""
    return str(OBJECT_TYPES.get(name, name))


@register.filter
def state_label(value: Any, object_type: str) -> str:
    """The name of a server's or disk's state; an unknown one keeps the provider's name."""
    states = {"vm": Vm.State, "disk": Disk.State}.get(object_type)
    return str(dict(states.choices).get(value, value)) if states and value else parameter_value(value, "state")


def addresses(ifaces: Any) -> Iterator[str]:
    """The IP addresses of a server's interfaces."""
    for iface in ifaces if isinstance(ifaces, list) else []:
        for ip in iface.get("ips", []) if isinstance(iface, dict) else []:
            if isinstance(ip, dict) and ip.get("ip"):
                yield str(ip["ip"])


@register.filter
def first_address(ifaces: Any) -> str:
    """The first IP address of a server's interfaces."""
    return next(addresses(ifaces), "")


@register.filter
def total(counts: list[queries.StateCount]) -> str:
    """The number of objects in all states together."""
    return plain(sum(one.count for one in counts))


@register.filter
def server_label(vm: Vm) -> str:
    return search.server_label(vm)


@register.filter
def days_left(end: datetime | None) -> int | None:
    return queries.days_left(end)


@register.filter
def is_covered(day: expiry.Day, covers: Mapping[int, Cover]) -> bool:
    """Whether everything that ends on a day renews itself, and the balance is known to cover it."""
    return all(covers.get(ending.product.remote_id) is Cover.COVERED for ending in day.endings)


PARAMETERS = {
    "product_name": gettext_lazy("Product"),
    "quantity": gettext_lazy("Quantity"),
    "duration": gettext_lazy("Duration"),
    "product_id": gettext_lazy("Product ID"),
    "hostname": gettext_lazy("Host name"),
    "os_id": gettext_lazy("System ID"),
    "shares": gettext_lazy("Shares"),
    "cpu": gettext_lazy("CPUs"),
    "login": gettext_lazy("Admin login"),
    "ssh_keys": gettext_lazy("SSH keys"),
    "user_data_bytes": gettext_lazy("First-boot script"),
    "vm_id": gettext_lazy("Server ID"),
    "vm_max_memory": gettext_lazy("Memory limit"),
    "vm_max_memory_mb": gettext_lazy("Memory limit"),
    "memory_mb": gettext_lazy("Memory"),
    "size_mb": gettext_lazy("Size"),
    "size": gettext_lazy("Size"),
    "name": gettext_lazy("Name"),
    "fstype": gettext_lazy("File system"),
    "disk_id": gettext_lazy("Disk ID"),
    "state": gettext_lazy("State"),
    "cores": gettext_lazy("CPUs"),
    "vm_remote_id": gettext_lazy("Server ID"),
    "date_end": gettext_lazy("Ends"),
    "reason": gettext_lazy("Reason"),
    "shares_ended": gettext_lazy("Shares ended"),
    "ip_id": gettext_lazy("Address ID"),
    "ip": gettext_lazy("Address"),
}


@register.filter
def parameter_label(name: str) -> str:
    """The name of an API parameter."""
    return str(PARAMETERS.get(name, name))


@register.filter
def parameter_value(value: Any, name: str) -> str:
    """A parameter's value, with its unit."""
    if value is None or value == "":
        return "–"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and name in {"size", "size_mb", "memory_mb", "vm_max_memory", "vm_max_memory_mb"}:
        exact = _("%s MB") % plain(value)
        return exact if value < 1024 else f"{size(value)} ({exact})"
    if name == "product_name":
        return product_label(str(value))
    if name == "ssh_keys" and isinstance(value, Mapping):
        return ", ".join(f"{called} ({fingerprint})" for fingerprint, called in value.items())
    if name == "user_data_bytes" and is_number:
        return byte_size(value)
    if name == "reason":
        return str(_REASONS.get(str(value), value))
    if name == "shares_ended" and isinstance(value, str):
        return _moment(value)
    return duration(value) if name == "duration" and isinstance(value, str) else str(value)


def _moment(text: str) -> str:
    """A time of the provider in words; another text is returned as it is."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return day_words(at)


RESOURCES = {
    "shares": gettext_lazy("shares"),
    "servers": gettext_lazy("servers"),
    "memory_mb": gettext_lazy("memory"),
    "cores": gettext_lazy("cores"),
    "disk_mb": gettext_lazy("disk space"),
}


@register.filter
def resource_label(name: str) -> str:
    """The name of a resource of an account."""
    return str(RESOURCES.get(name, name))
