"""How members ask: by the panel's pages, in parallel, sometimes twice at once, sometimes again after nothing came."""

import random
import threading
import time
import urllib.parse
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import OperationalError

from hosting.accounts.models import Account
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.rejection import Rejected
from hosting.teams.models import Membership
from tests.chaos.browser import Browser, NoPageError, Page, new_nonce, read_form
from tests.chaos.workload import PLAN, RESIZE, RESUME, Action

# What a page says while the endpoint is known not to answer.
_AWAY = "Nothing was sent or queued"


@dataclass
class Asked:
    """A form that was sent under a nonce, and what came of it as the member was told."""

    action: Action
    nonce: str
    answer: str = "lost"


class Journal:
    """Everything that was asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.asked: list[Asked] = []
        self.answers: Counter[str] = Counter()
        self.refused_while_away = 0

    def begin(self, action: Action, nonce: str) -> Asked:
        asked = Asked(action, nonce)
        with self._lock:
            self.asked.append(asked)
        return asked

    def note(self, answer: str) -> None:
        with self._lock:
            self.answers[answer] += 1

    def note_reason(self, page: str) -> None:
        with self._lock:
            self.refused_while_away += _AWAY in page


class Member:
    """One person with a browser: carries out one action after the other, from a thread of theirs."""

    def __init__(self, browser: Browser, journal: Journal, dice: random.Random) -> None:
        self._browser, self._journal, self._dice = browser, journal, dice
        self._busy = threading.Lock()

    def carry_out(self, action: Action) -> None:
        """Ask for it by the pages, and note what was said."""
        with self._busy:
            try:
                answer = self._resume(action) if action.name == RESUME else self._ask(action)
            except NoPageError:
                answer = "no page"
            self._journal.note(answer)

    def _ask(self, action: Action) -> str:
        page = self._browser.open(action.page)
        form = read_form(page.text)
        where = action.button or action.page
        if action.button:
            nonce = form.buttons.get(action.button) or new_nonce()
            fields = {"csrfmiddlewaretoken": form.token, "nonce": nonce}
        else:
            nonce = form.fields.get("nonce") or new_nonce()
            fields = {**form.fields, "nonce": nonce, **action.fields}
        asked = self._journal.begin(action, nonce)
        answer = self._send(asked, where, fields)
        if action.name in {PLAN, RESIZE} and asked.answer == "accepted":
            self._start(answer)
        return asked.answer

    def _send(self, asked: Asked, where: str, fields: dict[str, str]) -> Page | None:
        """Once, twice at the same time (a double click), or once more after nothing came."""
        if asked.action.sent_twice:
            with ThreadPoolExecutor(2) as fingers:
                pages = list(fingers.map(lambda _: self._try(where, fields), range(2)))
        else:
            pages = [self._try(where, fields)]
        if not any(pages) and asked.action.sent_again:
            time.sleep(self._dice.uniform(0.3, 2.5))
            pages.append(self._try(where, fields))
        came = [page for page in pages if page is not None]
        accepted = [page for page in came if _is_accepted(page)]
        if accepted:
            asked.answer = "accepted"
        elif len(came) == len(pages):
            # Nothing was lost on the way: what the panel refuses, it has not written.
            asked.answer = "refused"
            self._journal.note_reason(came[0].text)
        return next(iter(accepted or came), None)

    def _try(self, where: str, fields: dict[str, str]) -> Page | None:
        try:
            return self._browser.send(where, fields)
        except NoPageError:
            return None

    def _start(self, page: Page | None) -> None:
        here = urllib.parse.urlsplit(page.url).path if page else ""
        # A server that was stopped meanwhile is resized at once, without a plan.
        if page is None or "/plans/" not in here:
            return
        form = read_form(page.text)
        for _ in range(self._dice.choice((1, 1, 2))):
            self._try(f"{here}start/", {"csrfmiddlewaretoken": form.token})

    def _resume(self, action: Action) -> str:
        """Give the root password again, then go on."""
        page = self._browser.open(f"{action.page}change/")
        form = read_form(page.text)
        if "password" in form.fields:
            self._try(f"{action.page}change/", {**form.fields, **action.fields})
        answer = self._try(f"{action.page}resume/", {"csrfmiddlewaretoken": form.token})
        return "resumed" if answer and answer.status == 200 else "lost"


def submit_in_this_process(action: Action, account: Account, by: Membership, journal: Journal) -> None:
    """Ask without a page. Nobody hears of its job: the sweep finds the row."""
    nonce = new_nonce()
    asked = journal.begin(action, nonce)
    try:
        submit(
            catalogue.load(action.kind, action.params),
            account=account,
            by=by,
            nonce=uuid.UUID(nonce),
            secret=action.fields.get("password", ""),
        )
        asked.answer = "accepted"
    except Rejected:
        asked.answer = "refused"
    except OperationalError:
        asked.answer = "lost"
    journal.note(asked.answer)


def _is_accepted(page: Page) -> bool:
    words = ("was submitted", "was retried", "is your plan")
    is_plan = "/plans/" in page.url
    return page.status == 200 and (is_plan or any(word in page.text for word in words))
