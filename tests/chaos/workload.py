"""What members ask for: a random request that makes sense now, or that races with another one."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from django.db.models import Q

from hosting.accounts.models import Account
from hosting.inventory.models import Disk, OsImage, Product, Vm
from hosting.operations.kinds import catalogue
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import HARMLESS, State

# The root password of every server begins with it: it must not be found anywhere afterwards.
ROOT_PASSWORD = "r00t-Of-Chaos"
PLAN, RESIZE = "new server", "resize by a plan"
RESUME, ABANDON, RETRY, CANCEL = "resume a plan", "abandon a plan", "ask again", "take back"
_MOST_SERVERS, _MOST_DISKS, _MOST_PRODUCTS = 10, 24, 12
_PRODUCT = "hosting_account_product_"


@dataclass
class Action:
    """One thing to ask for: the page, what is filled in, and what must be in the row that it makes."""

    name: str
    page: str
    fields: dict[str, str] = field(default_factory=dict)
    # The button of the page that asks; without one it is the page's form.
    button: str = ""
    # The row: its kind and parameters. Empty for what makes no operation by itself.
    kind: str = ""
    params: dict[str, object] = field(default_factory=dict)
    sent_twice: bool = False
    sent_again: bool = False


class Workload:
    """Chooses requests by the mirror as it is now. What was asked for least comes first."""

    def __init__(self, account: Account, dice: random.Random) -> None:
        self._account, self._dice = account, dice
        self._chosen: Counter[str] = Counter()
        self._number = 0

    def next(self) -> Action | None:
        """A request of a kind that is possible now."""
        possible = dict(self._possible())
        if not possible:
            return None
        names = sorted(possible)
        name = self._dice.choices(names, [1 / (1 + self._chosen[name]) for name in names])[0]
        self._chosen[name] += 1
        action = possible[name]()
        action.sent_twice = self._dice.random() < 0.15
        action.sent_again = self._dice.random() < 0.6
        return action

    def last(self) -> list[Action]:
        """Purchases and a disk, for which nothing must be there."""
        return [self._buy(), self._buy(), self._create_disk()]

    def _possible(self) -> Iterator[tuple[str, Callable[[], Action]]]:
        yield from self._of_servers()
        yield from self._of_disks()
        yield from self._of_products()
        yield from self._of_plans()
        yield from self._of_operations()

    def _free(self, kind: str, state: dict[int, str], *wanted: str) -> list[int]:
        """Those in one of these states with nothing open on them; sometimes any, as from a page opened earlier."""
        if self._dice.random() < 0.12:
            return list(state)
        open_targets = set(Operation.objects.open().filter(account=self._account).values_list("target", flat=True))
        return [key for key, value in state.items() if value in wanted and f"{kind}:{key}" not in open_targets]

    def _of_servers(self) -> Iterator[tuple[str, Callable[[], Action]]]:
        rows = {vm.remote_id: vm for vm in Vm.objects.filter(account=self._account).order_by("remote_id")}
        state = {key: vm.state for key, vm in rows.items()}
        for verb, kind, wanted in (
            ("start", "vm_start", ("halted",)),
            ("stop", "vm_stop", ("running",)),
            ("reboot", "vm_reboot", ("running",)),
        ):
            if found := self._free("vm", state, *wanted):
                yield kind, partial(self._button, kind, found, verb)
        if found := self._free("vm", state, "running", "halted"):
            yield "vm_update", partial(self._resize, [rows[key] for key in found])
        if found := self._free("vm", state, "running"):
            yield RESIZE, partial(self._resize_by_plan, [rows[key] for key in found])
        if found := self._free("vm", state, "halted"):
            yield "vm_delete", partial(self._delete_vm, [rows[key] for key in found])
        if len(rows) < _MOST_SERVERS:
            yield "vm_create", self._create_vm

    def _of_disks(self) -> Iterator[tuple[str, Callable[[], Action]]]:
        rows = {disk.remote_id: disk for disk in Disk.objects.filter(account=self._account).order_by("remote_id")}
        data = {key: disk.state for key, disk in rows.items() if disk.type != "system"}
        servers = list(
            Vm.objects.filter(account=self._account, state__in=("running", "halted"))
            .order_by("remote_id")
            .values_list("remote_id", flat=True)
        )
        if len(rows) < _MOST_DISKS:
            yield "disk_create", self._create_disk
        if found := self._free("disk", data, "created", "error"):
            yield "disk_delete", partial(self._delete_disk, [rows[key] for key in found])
        if servers and (found := self._free("disk", data, "created")):
            yield "disk_attach", partial(self._attach, found, servers)
        if found := [key for key in self._free("disk", data, "attached") if rows[key].vm_remote_id]:
            yield "disk_detach", partial(self._detach, found)

    def _of_products(self) -> Iterator[tuple[str, Callable[[], Action]]]:
        rows = {each.remote_id: each for each in Product.objects.filter(account=self._account).order_by("remote_id")}
        flexible = {key: "" for key, each in rows.items() if each.product_name != "shares_fixed"}
        if len(rows) < _MOST_PRODUCTS:
            yield f"{_PRODUCT}add", self._buy
        if found := self._free("product", dict.fromkeys(rows, ""), ""):
            yield f"{_PRODUCT}renew", partial(self._renew, found)
        if found := self._free("product", flexible, ""):
            yield f"{_PRODUCT}update", partial(self._requantify, [rows[key] for key in found])
            # The first one carries the servers.
            if rest := [key for key in found if key != min(rows)]:
                yield f"{_PRODUCT}remove", partial(self._release, rest)

    def _of_plans(self) -> Iterator[tuple[str, Callable[[], Action]]]:
        if Vm.objects.filter(account=self._account).count() < _MOST_SERVERS:
            yield PLAN, self._plan
        stopped = list(
            Plan.objects.filter(account=self._account, state=Plan.State.STOPPED)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        if stopped:
            yield RESUME, partial(self._resume, stopped)
            yield ABANDON, partial(self._abandon, stopped)

    def _of_operations(self) -> Iterator[tuple[str, Callable[[], Action]]]:
        ours = Operation.objects.filter(account=self._account, origin=Operation.Origin.PANEL).order_by("-pk")
        harmless = list(ours.filter(state__in=[*HARMLESS, State.FAILED], plan=None)[:10])
        if harmless:
            yield RETRY, partial(self._retry, harmless)
        # Waiting here, or accepted there and perhaps not begun.
        early = list(ours.filter(Q(state=State.WAITING) | Q(state=State.TRACKED, remote_state__in=("", "PENDING")))[:5])
        if early and self._dice.random() < 0.25:
            yield CANCEL, partial(self._withdraw, early)

    def _path(self, rest: str) -> str:
        return f"/accounts/{self._account.pk}/{rest}"

    def _name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}-{self._number}"

    def _password(self) -> dict[str, str]:
        return {"password": f"{ROOT_PASSWORD}-{self._dice.randrange(10**6)}"}

    def _button(self, kind: str, servers: list[int], verb: str) -> Action:
        vm_id = self._dice.choice(servers)
        page = self._path(f"servers/{vm_id}/")
        return Action(kind, page, button=f"{page}{verb}/", kind=kind, params={"vm_id": vm_id})

    def _resume(self, plans: list[int]) -> Action:
        return Action(RESUME, self._path(f"plans/{self._dice.choice(plans)}/"), self._password())

    def _abandon(self, plans: list[int]) -> Action:
        page = self._path(f"plans/{self._dice.choice(plans)}/")
        return Action(ABANDON, page, button=f"{page}abandon/")

    def _withdraw(self, operations: list[Operation]) -> Action:
        page = self._path(f"operations/{self._dice.choice(operations).pk}/")
        return Action(CANCEL, page, button=f"{page}cancel/")

    def _retry(self, operations: list[Operation]) -> Action:
        operation = self._dice.choice(operations)
        fields = self._password() if operation.kind == "vm_create" else {}
        page = self._path(f"operations/{operation.pk}/retry/")
        return Action(RETRY, page, fields, kind=operation.kind, params=operation.params)

    def _resize(self, servers: list[Vm]) -> Action:
        vm = self._dice.choice(servers)
        now = {"shares": vm.shares, "cpu": vm.cores, "max_memory": vm.vm_max_memory_mb}
        wanted = dict(now)
        wanted["shares"] = self._dice.randint(1, 3)
        wanted["cpu"] = self._dice.randint(1, min(2, wanted["shares"]))
        if vm.state == "halted" and self._dice.random() < 0.5:
            wanted["max_memory"] = self._dice.choice((1024, 2048, 4096))
        params: dict[str, object] = {"vm_id": vm.remote_id, "shares": wanted["shares"], "cpu": wanted["cpu"]}
        params["vm_max_memory_mb"] = wanted["max_memory"]
        fields = {key: str(value) for key, value in wanted.items()}
        return Action(
            "vm_update", self._path(f"servers/{vm.remote_id}/resize/"), fields, kind="vm_update", params=params
        )

    def _resize_by_plan(self, servers: list[Vm]) -> Action:
        """Another memory limit: a running server must be stopped for it."""
        vm = self._dice.choice(servers)
        limit = self._dice.choice([each for each in (1024, 2048, 4096) if each != vm.vm_max_memory_mb])
        fields = {"shares": str(vm.shares), "cpu": str(vm.cores), "max_memory": str(limit), "plan": "1"}
        return Action(RESIZE, self._path(f"servers/{vm.remote_id}/resize/"), fields)

    def _delete_vm(self, servers: list[Vm]) -> Action:
        vm = self._dice.choice(servers)
        page = self._path(f"servers/{vm.remote_id}/delete/")
        return Action("vm_delete", page, {"name": vm.hostname}, kind="vm_delete", params={"vm_id": vm.remote_id})

    def _create_vm(self) -> Action:
        """By the short form, or without a page: see `submit_in_this_process`."""
        kind = catalogue.CreateVm(self._name("vm"), self._image(), self._dice.randint(1, 2), 1, "admin")
        params = kind.as_params()
        page = self._path("servers/new/alone/") if self._dice.random() < 0.5 else ""
        fields = {key: str(value) for key, value in params.items()} | self._password()
        return Action("vm_create", page, fields, kind="vm_create", params=params)

    def _image(self) -> int:
        images = list(OsImage.objects.filter(account=self._account).order_by("remote_id"))
        chosen: int = self._dice.choice(images).remote_id
        return chosen

    def _create_disk(self) -> Action:
        # Sometimes two disks of one name and size: requests that can't be told apart.
        name = "twin" if self._dice.random() < 0.4 else self._name("disk")
        params: dict[str, object] = {"size_mb": 1024 * self._dice.randint(1, 2), "name": name, "fstype": "xfs"}
        fields = {"name": name, "size_mb": f"{params['size_mb']} MB", "fstype": "xfs"}
        return Action("disk_create", self._path("disks/new/"), fields, kind="disk_create", params=params)

    def _delete_disk(self, disks: list[Disk]) -> Action:
        disk = self._dice.choice(disks)
        page = self._path(f"disks/{disk.remote_id}/delete/")
        return Action("disk_delete", page, {"name": str(disk)}, kind="disk_delete", params={"disk_id": disk.remote_id})

    def _attach(self, disks: list[int], servers: list[int]) -> Action:
        disk_id, vm_id = self._dice.choice(disks), self._dice.choice(servers)
        params: dict[str, object] = {"disk_id": disk_id, "vm_id": vm_id}
        page = self._path(f"disks/{disk_id}/attach/")
        return Action("disk_attach", page, {"vm_id": str(vm_id)}, kind="disk_attach", params=params)

    def _detach(self, disks: list[int]) -> Action:
        """From wherever it is when the button is pressed."""
        disk_id = self._dice.choice(disks)
        page = self._path(f"disks/{disk_id}/")
        return Action("disk_detach", page, button=f"{page}detach/", kind="disk_detach", params={"disk_id": disk_id})

    def _buy(self) -> Action:
        name = self._dice.choices(("shares", "disk", "shares_fixed"), (14, 5, 1))[0]
        quantity = self._dice.randint(1, 2) * (1024 if name == "disk" else 1)
        params: dict[str, object] = {"product_name": name, "quantity": quantity, "duration": "1m"}
        fields = {key: str(value) for key, value in params.items()}
        method = f"{_PRODUCT}add"
        return Action(method, self._path("shares/add/"), fields, kind=method, params=params)

    def _product(self, verb: str, product_id: int, **values: object) -> Action:
        method = f"{_PRODUCT}{verb}"
        fields = {key: str(value) for key, value in values.items()}
        page = self._path(f"shares/{product_id}/{verb}/")
        return Action(method, page, fields, kind=method, params={"product_id": product_id, **values})

    def _renew(self, products: list[int]) -> Action:
        return self._product("renew", self._dice.choice(products), duration=self._dice.choice(("1m", "2m")))

    def _requantify(self, products: list[Product]) -> Action:
        product = self._dice.choice(products)
        step = 512 if product.product_name == "disk" else 1
        return self._product(
            "update", product.remote_id, quantity=product.quantity + step * self._dice.choice((1, -1, 2))
        )

    def _release(self, products: list[int]) -> Action:
        return self._product("remove", self._dice.choice(products))

    def _plan(self) -> Action:
        name = self._name("plan")
        fields = {
            "buy_shares": self._dice.choice(("0", "0", "2")),
            "duration": "1m",
            "os_id": str(self._image()),
            "hostname": name,
            "shares": "1",
            "cpu": "1",
            "login": "admin",
            "disk_size_mb": "1024 MB",
            "disk_name": f"{name}-data",
            "disk_fstype": "ext3",
        }
        return Action(PLAN, self._path("servers/new/"), {**fields, **self._password()})
