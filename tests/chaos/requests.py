"""What members ask for: a random request that makes sense now (or races with another), and how they ask for it."""

import random
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import OperationalError

from hosting.accounts.models import Account
from hosting.inventory.models import AccountInfo, Disk, OsImage, Product, Vm
from hosting.operations import kinds
from hosting.operations.models import Operation, Plan
from hosting.operations.rejection import Rejected
from hosting.operations.states import HARMLESS, State
from hosting.operations.submit import submit
from hosting.teams.models import Membership
from tests.chaos.browser import Browser, NoPageError, Page, new_nonce, read_form

# The root password of every server begins with it: it must not be found anywhere afterwards.
ROOT_PASSWORD = "r00t-Of-Chaos"
_MOST_SERVERS, _MOST_DISKS, _MOST_PRODUCTS = 10, 24, 12
_PLAN, _RESUME, _ABANDON, _RETRY, _CANCEL = "new server", "resume a plan", "abandon a plan", "ask again", "take back"


@dataclass
class Wish:
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


@dataclass
class Asked:
    """A form that was sent under a nonce, and what came of it as the member was told."""

    wish: Wish
    nonce: str
    answer: str = "lost"


class Journal:
    """Everything that was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self.answers: Counter[str] = Counter()

    def begin(self, wish: Wish, nonce: str) -> Asked:
        asked = Asked(wish, nonce)
        with self._lock:
            self.asked.append(asked)
        return asked

    def note(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1


class Wishes:
    """Chooses requests by the mirror as it is now. What was asked for least comes first."""

    def __init__(self, account: Account, dice: random.Random) -> None:
        self._account, self._dice = account, dice
        self._chosen: Counter[str] = Counter()
        self._number = 0

    def next(self) -> Wish | None:
        """A request of a kind that is possible now."""
        possible = dict(self._possible())
        if not possible:
            return None
        names = sorted(possible)
        name = self._dice.choices(names, [1 / (1 + self._chosen[name]) for name in names])[0]
        self._chosen[name] += 1
        wish = possible[name]()
        wish.sent_twice = self._dice.random() < 0.15
        wish.sent_again = self._dice.random() < 0.6
        return wish

    def _possible(self) -> Iterator[tuple[str, Callable[[], Wish]]]:
        yield from self._of_servers()
        yield from self._of_disks()
        yield from self._of_products()
        yield from self._of_plans()
        yield from self._of_operations()

    def _pick(self, rows: list[int]) -> int:
        return self._dice.choice(rows)

    def _free(self, kind: str, state: dict[int, str], *wanted: str) -> list[int]:
        """Those in one of these states with nothing open on them; sometimes any, as from a page opened earlier."""
        if self._dice.random() < 0.12:
            return list(state)
        open_targets = set(Operation.objects.open().filter(account=self._account).values_list("target", flat=True))
        return [key for key, value in state.items() if value in wanted and f"{kind}:{key}" not in open_targets]

    def _of_servers(self) -> Iterator[tuple[str, Callable[[], Wish]]]:
        rows = {vm.remote_id: vm for vm in Vm.objects.filter(account=self._account).order_by("remote_id")}
        state = {key: vm.state for key, vm in rows.items()}
        for verb, kind, wanted in (
            ("start", "vm_start", ("halted",)),
            ("stop", "vm_stop", ("running",)),
            ("reboot", "vm_reboot", ("running",)),
        ):
            if found := self._free("vm", state, *wanted):
                yield kind, lambda verb=verb, kind=kind, found=found: self._button(kind, self._pick(found), verb)
        if found := self._free("vm", state, "running", "halted"):
            yield "vm_update", lambda found=found: self._resize(rows[self._pick(found)])
        if found := self._free("vm", state, "halted"):
            yield "vm_delete", lambda found=found: self._delete_vm(rows[self._pick(found)])
        if len(rows) < _MOST_SERVERS:
            yield "vm_create", self._create_vm

    def _of_disks(self) -> Iterator[tuple[str, Callable[[], Wish]]]:
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
            yield "disk_delete", lambda found=found: self._delete_disk(rows[self._pick(found)])
        if servers and (found := self._free("disk", data, "created")):
            yield "disk_attach", lambda found=found: self._attach(self._pick(found), self._pick(servers))
        if found := [key for key in self._free("disk", data, "attached") if rows[key].vm_remote_id]:
            yield "disk_detach", lambda found=found: self._detach(rows[self._pick(found)])

    def _of_products(self) -> Iterator[tuple[str, Callable[[], Wish]]]:
        rows = {each.remote_id: each for each in Product.objects.filter(account=self._account).order_by("remote_id")}
        flexible = {key: "" for key, each in rows.items() if each.product_name != "shares_fixed"}
        add, change = "hosting_account_product_add", "hosting_account_product_"
        if len(rows) < _MOST_PRODUCTS:
            yield add, self._buy
        if found := self._free("product", dict.fromkeys(rows, ""), ""):
            yield f"{change}renew", lambda found=found: self._renew(self._pick(found))
        if found := self._free("product", flexible, ""):
            yield f"{change}update", lambda found=found: self._requantify(rows[self._pick(found)])
            # The first one carries the servers.
            if rest := [key for key in found if key != min(rows)]:
                yield f"{change}remove", lambda rest=rest: self._release(self._pick(rest))

    def _of_plans(self) -> Iterator[tuple[str, Callable[[], Wish]]]:
        if Vm.objects.filter(account=self._account).count() < _MOST_SERVERS:
            yield _PLAN, self._plan
        stopped = list(
            Plan.objects.filter(account=self._account, state=Plan.State.STOPPED)
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        if stopped:
            yield _RESUME, lambda: Wish(_RESUME, self._path(f"plans/{self._pick(stopped)}/"), self._password())
            yield _ABANDON, lambda: self._plan_button(_ABANDON, self._pick(stopped), "abandon")

    def _of_operations(self) -> Iterator[tuple[str, Callable[[], Wish]]]:
        ours = Operation.objects.filter(account=self._account, origin=Operation.Origin.PANEL).order_by("-pk")
        harmless = list(ours.filter(state__in=[*HARMLESS, State.FAILED], plan=None)[:10])
        if harmless:
            yield _RETRY, lambda: self._retry(self._dice.choice(harmless))
        waiting = list(ours.filter(state=State.WAITING)[:3])
        if waiting and self._dice.random() < 0.1:
            yield _CANCEL, lambda: self._take_back(self._dice.choice(waiting).pk)

    def _path(self, rest: str) -> str:
        return f"/accounts/{self._account.pk}/{rest}"

    def _name(self, prefix: str) -> str:
        self._number += 1
        return f"{prefix}-{self._number}"

    def _password(self) -> dict[str, str]:
        return {"password": f"{ROOT_PASSWORD}-{self._dice.randrange(10**6)}"}

    def _button(self, kind: str, vm_id: int, verb: str) -> Wish:
        page = self._path(f"servers/{vm_id}/")
        return Wish(kind, page, button=f"{page}{verb}/", kind=kind, params={"vm_id": vm_id})

    def _plan_button(self, name: str, plan_id: int, verb: str) -> Wish:
        page = self._path(f"plans/{plan_id}/")
        return Wish(name, page, button=f"{page}{verb}/")

    def _take_back(self, operation_id: int) -> Wish:
        page = self._path(f"operations/{operation_id}/")
        return Wish(_CANCEL, page, button=f"{page}cancel/")

    def _retry(self, operation: Operation) -> Wish:
        fields = self._password() if operation.kind == "vm_create" else {}
        page = self._path(f"operations/{operation.pk}/retry/")
        return Wish(_RETRY, page, fields, kind=operation.kind, params=operation.params)

    def _resize(self, vm: Vm) -> Wish:
        now = {"shares": vm.shares, "cpu": vm.cores, "max_memory": vm.vm_max_memory_mb}
        wanted = dict(now)
        wanted["shares"] = self._dice.randint(1, 3)
        wanted["cpu"] = self._dice.randint(1, min(2, wanted["shares"]))
        if vm.state == "halted" and self._dice.random() < 0.5:
            wanted["max_memory"] = self._dice.choice((1024, 2048, 4096))
        params: dict[str, object] = {"vm_id": vm.remote_id, "shares": wanted["shares"], "cpu": wanted["cpu"]}
        params["vm_max_memory_mb"] = wanted["max_memory"]
        fields = {key: str(value) for key, value in wanted.items()}
        return Wish("vm_update", self._path(f"servers/{vm.remote_id}/resize/"), fields, kind="vm_update", params=params)

    def _delete_vm(self, vm: Vm) -> Wish:
        page = self._path(f"servers/{vm.remote_id}/delete/")
        return Wish("vm_delete", page, {"name": vm.hostname}, kind="vm_delete", params={"vm_id": vm.remote_id})

    def _create_vm(self) -> Wish:
        """The panel has no form for it outside of a plan: see `submit_in_this_process`."""
        kind = kinds.CreateVm(self._name("vm"), self._image(), self._dice.randint(1, 2), 1, "admin")
        return Wish("vm_create", "", self._password(), kind="vm_create", params=kind.as_params())

    def _image(self) -> int:
        images = OsImage.objects.filter(account=self._account).order_by("remote_id")
        return self._dice.choice(list(images.values_list("remote_id", flat=True)))

    def _create_disk(self) -> Wish:
        # Sometimes two disks of one name and size: requests that can't be told apart.
        name = "twin" if self._dice.random() < 0.4 else self._name("disk")
        params: dict[str, object] = {"size_mb": 1024 * self._dice.randint(1, 2), "name": name, "fstype": "xfs"}
        fields = {"name": name, "size_mb": f"{params['size_mb']} MB", "fstype": "xfs"}
        return Wish("disk_create", self._path("disks/new/"), fields, kind="disk_create", params=params)

    def _delete_disk(self, disk: Disk) -> Wish:
        page = self._path(f"disks/{disk.remote_id}/delete/")
        return Wish("disk_delete", page, {"name": str(disk)}, kind="disk_delete", params={"disk_id": disk.remote_id})

    def _attach(self, disk_id: int, vm_id: int) -> Wish:
        params: dict[str, object] = {"disk_id": disk_id, "vm_id": vm_id}
        page = self._path(f"disks/{disk_id}/attach/")
        return Wish("disk_attach", page, {"vm_id": str(vm_id)}, kind="disk_attach", params=params)

    def _detach(self, disk: Disk) -> Wish:
        page = self._path(f"disks/{disk.remote_id}/")
        params: dict[str, object] = {"disk_id": disk.remote_id}
        return Wish("disk_detach", page, button=f"{page}detach/", kind="disk_detach", params=params)

    def _buy(self) -> Wish:
        name = self._dice.choices(("shares", "disk", "shares_fixed"), (14, 5, 1))[0]
        quantity = self._dice.randint(1, 2) * (1024 if name == "disk" else 1)
        params: dict[str, object] = {"product_name": name, "quantity": quantity, "duration": "1m"}
        fields = {key: str(value) for key, value in params.items()}
        method = "hosting_account_product_add"
        return Wish(method, self._path("shares/add/"), fields, kind=method, params=params)

    def _product(self, verb: str, product_id: int, **values: object) -> Wish:
        method = f"hosting_account_product_{verb}"
        fields = {key: str(value) for key, value in values.items()}
        page = self._path(f"shares/{product_id}/{verb}/")
        return Wish(method, page, fields, kind=method, params={"product_id": product_id, **values})

    def _renew(self, product_id: int) -> Wish:
        return self._product("renew", product_id, duration=self._dice.choice(("1m", "2m")))

    def _requantify(self, product: Product) -> Wish:
        step = 512 if product.product_name == "disk" else 1
        return self._product(
            "update", product.remote_id, quantity=product.quantity + step * self._dice.choice((1, -1, 2))
        )

    def _release(self, product_id: int) -> Wish:
        return self._product("remove", product_id)

    def _plan(self) -> Wish:
        info = AccountInfo.objects.filter(account=self._account).first()
        buys = info is None or self._dice.random() < 0.4
        name = self._name("plan")
        fields = {
            "buy_shares": "2" if buys else "0",
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
        return Wish(_PLAN, self._path("servers/new/"), {**fields, **self._password()})


class Member:
    """One person with a browser: carries out one wish after the other, from a thread of theirs."""

    def __init__(self, browser: Browser, journal: Journal, dice: random.Random) -> None:
        self._browser, self._journal, self._dice = browser, journal, dice
        self._busy = threading.Lock()

    def carry_out(self, wish: Wish) -> None:
        """Ask for it by the pages, and note what was said."""
        with self._busy:
            try:
                answer = self._resume(wish) if wish.name == _RESUME else self._ask(wish)
            except NoPageError:
                answer = "no page"
            self._journal.note(answer)

    def _ask(self, wish: Wish) -> str:
        page = self._browser.open(wish.page)
        form = read_form(page.text)
        where = wish.button or wish.page
        if wish.button:
            nonce = form.buttons.get(wish.button) or new_nonce()
            fields = {"csrfmiddlewaretoken": form.token, "nonce": nonce}
        else:
            nonce = form.fields.get("nonce") or new_nonce()
            fields = {**form.fields, "nonce": nonce, **wish.fields}
        asked = self._journal.begin(wish, nonce)
        answer = self._send(asked, where, fields)
        if wish.name == _PLAN and asked.answer == "accepted":
            self._start(answer)
        return asked.answer

    def _send(self, asked: Asked, where: str, fields: dict[str, str]) -> Page | None:
        """Once, twice at the same time (a double click), or once more after nothing came."""
        if asked.wish.sent_twice:
            with ThreadPoolExecutor(2) as fingers:
                pages = list(fingers.map(lambda _: self._try(where, fields), range(2)))
        else:
            pages = [self._try(where, fields)]
        if not any(pages) and asked.wish.sent_again:
            time.sleep(self._dice.uniform(0.3, 2.5))
            pages.append(self._try(where, fields))
        came = [page for page in pages if page is not None]
        accepted = [page for page in came if _is_accepted(page)]
        if accepted:
            asked.answer = "accepted"
        elif len(came) == len(pages):
            # Nothing was lost on the way: what the panel refuses, it has not written.
            asked.answer = "refused"
        return (accepted or came or [None])[0]

    def _try(self, where: str, fields: dict[str, str]) -> Page | None:
        try:
            return self._browser.send(where, fields)
        except NoPageError:
            return None

    def _start(self, page: Page | None) -> None:
        if page is None:
            return
        here = urllib.parse.urlsplit(page.url).path
        form = read_form(page.text)
        for _ in range(self._dice.choice((1, 1, 2))):
            self._try(f"{here}start/", {"csrfmiddlewaretoken": form.token})

    def _resume(self, wish: Wish) -> str:
        """Give the root password again, then go on."""
        page = self._browser.open(f"{wish.page}change/")
        form = read_form(page.text)
        if "password" in form.fields:
            self._try(f"{wish.page}change/", {**form.fields, **wish.fields})
        answer = self._try(f"{wish.page}resume/", {"csrfmiddlewaretoken": form.token})
        return "resumed" if answer and answer.status == 200 else "lost"


def submit_in_this_process(wish: Wish, account: Account, by: Membership, journal: Journal) -> None:
    """Ask for what has no form of its own. Nobody hears of its job: the sweep finds the row."""
    nonce = new_nonce()
    asked = journal.begin(wish, nonce)
    try:
        submit(
            kinds.load(wish.kind, wish.params),
            account=account,
            by=by,
            nonce=uuid.UUID(nonce),
            secret=wish.fields.get("password", ""),
        )
        asked.answer = "accepted"
    except Rejected:
        asked.answer = "refused"
    except OperationalError:
        asked.answer = "lost"
    journal.note(asked.answer)


def _is_accepted(page: Page) -> bool:
    words = ("is on its way", "was asked for again", "is your plan")
    is_plan = "/plans/" in page.url
    return page.status == 200 and (is_plan or any(word in page.text for word in words))
