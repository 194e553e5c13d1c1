"""The bulk actions of each list, and which of the chosen objects they apply to now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.inventory.models import Disk, Product, Vm
from hosting.operations.bulk.control import MOST_ROWS
from hosting.operations.kinds import catalogue
from hosting.operations.kinds.base import Kind
from hosting.teams.models import Membership
from hosting.web.forms.bulk import numbers
from hosting.web.lists.filters import DiskFilter, VmFilter


@dataclass(frozen=True)
class Action:
    """One bulk action of a list: its kind, its words, and which objects it leaves out."""

    name: str
    kind: type[Kind]
    label: Promise
    icon: str
    fits: Callable[[Any], bool]
    # Why objects that do not fit are left out.
    left_out: Promise
    # It can't be undone, so the form asks for the number of objects.
    danger: bool = False


def _in_state(*states: str) -> Callable[[Any], bool]:
    return lambda thing: thing.state in states


SERVERS = (
    Action(
        "start",
        catalogue.StartVm,
        _("Start"),
        "play",
        _in_state(Vm.State.HALTED, Vm.State.PAUSED),
        _("not stopped or paused"),
    ),
    Action("stop", catalogue.StopVm, _("Stop"), "square", _in_state(Vm.State.RUNNING), _("not running")),
    Action("reboot", catalogue.RebootVm, _("Reboot"), "rotate-cw", _in_state(Vm.State.RUNNING), _("not running")),
    Action(
        "delete",
        catalogue.DeleteVm,
        _("Delete"),
        "trash-2",
        _in_state(Vm.State.HALTED, Vm.State.INVALID),
        _("not stopped (stop them first)"),
        danger=True,
    ),
)
DISKS = (
    Action(
        "delete",
        catalogue.DeleteDisk,
        _("Delete"),
        "trash-2",
        lambda disk: disk.state in {Disk.State.CREATED, Disk.State.ERROR} and not disk.is_boot_disk,
        _("attached to a server (detach them first)"),
        danger=True,
    ),
)
PRODUCTS = (
    Action(
        "renew",
        catalogue.RenewProduct,
        _("Renew"),
        "calendar-plus",
        lambda product: not product.errors.get("renewing"),
        _("can't be renewed now"),
    ),
)


@dataclass(frozen=True)
class Section:
    """A list with bulk actions."""

    name: str
    actions: Sequence[Action]
    rows: Callable[[Account, QueryDict], "QuerySet[Any]"]

    def offered(self, member: Membership) -> list[Action]:
        """The actions that the member's role allows."""
        return [action for action in self.actions if member.may(action.kind.permission)]

    def find(self, account: Account, ids: Sequence[int] | None, wanted: QueryDict) -> list[Any]:
        """The objects with these ids, or all that match the filters in `wanted` when `ids` is None; ordered by id."""
        rows = self.rows(account, QueryDict() if ids is not None else wanted)
        if ids is not None:
            rows = rows.filter(remote_id__in=ids)
        return list(rows.order_by("remote_id")[: MOST_ROWS + 1])

    def action(self, name: str) -> Action | None:
        return next((action for action in self.actions if action.name == name), None)


SECTIONS = {
    section.name: section
    for section in (
        Section(
            "servers",
            SERVERS,
            lambda account, wanted: VmFilter(wanted, queryset=Vm.objects.filter(account=account)).qs,
        ),
        Section(
            "disks",
            DISKS,
            lambda account, wanted: DiskFilter(wanted, queryset=Disk.objects.filter(account=account)).qs,
        ),
        Section("shares", PRODUCTS, lambda account, _wanted: Product.objects.filter(account=account)),
    )
}


@dataclass(frozen=True)
class Chosen:
    """The chosen objects, divided into those that the action applies to now and those that it leaves out."""

    fitting: list[Any]
    left_out: list[Any]

    @property
    def ids(self) -> list[int]:
        return [thing.remote_id for thing in self.fitting]


def chosen(section: Section, action: Action, account: Account, ids: Sequence[int] | None, wanted: QueryDict) -> Chosen:
    """The objects that `Section.find` returns, divided by the action."""
    found = section.find(account, ids, wanted)
    fitting = [thing for thing in found if action.fits(thing)]
    return Chosen(fitting, [thing for thing in found if not action.fits(thing)])


def wanted_ids(request: HttpRequest) -> list[int] | None:
    """The chosen ids; None for all that match the filters. Ids shown on the form win over the filters."""
    if request.method == "POST":
        return posted_ids(request)
    return None if request.GET.get("all") else numbers(request.GET.getlist("ids"))


def posted_ids(request: HttpRequest) -> list[int]:
    """The ids of a form. There may be as many as a bulk action takes: a database may fail to compare more.

    Raises:
        BadRequest: more ids than any page contains.
    """
    ids = numbers(request.POST.get("ids", "").split(","))
    if len(ids) > MOST_ROWS + 1:
        raise BadRequest
    return ids
