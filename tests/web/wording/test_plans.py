"""The wording of plans: plurals, units and stop reasons, in the viewer's language."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from hosting.accounts.models import Account
from hosting.operations.plans.base import Step, StopReason
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from hosting.web.wording.plans import step_cost, stop_words
from hosting.web.wording.words import duration
from tests import factories


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (Step("buy", 1, shares=1, duration="1m"), "1 share for 1 month, paid from the balance"),
        (Step("buy", 1, shares=4, duration="2y"), "4 shares for 2 years, paid from the balance"),
        (Step("buy", 1), "Uses your free shares"),
        (Step("verify", 2, shares=1, free_shares=1200), "1 share needed, 1,200 free"),
        (Step("verify", 2, shares=4), "4 shares needed"),
        (Step("vm", 3, shares=4, disk_mb=3072), "4 shares, with 3 GB for the system disk"),
        (Step("vm", 3, shares=1), "1 share"),
        (Step("disk", 4, disk_mb=8192), "8 GB of disk, no shares"),
        (Step("disk", 4, disk_mb=1000), "1,000 MB of disk, no shares"),
        (Step("change", 2, shares=2, free_shares=8), "2 more shares, 8 free"),
        (Step("change", 2, shares=-1), "frees 1 share"),
        (Step("change", 2), "no more shares"),
        (Step("attach", 5), "No cost"),
    ],
)
def test_step_cost_is_worded_with_plurals_and_units(step: Step, words: str) -> None:
    assert step_cost(step) == words


@pytest.mark.parametrize(("text", "words"), [("12m", "12 months"), ("1y", "1 year"), ("", ""), ("soon", "soon")])
def test_duration_is_worded_with_plurals(text: str, words: str) -> None:
    assert duration(text) == words


@pytest.mark.parametrize("reason", list(StopReason))
def test_every_stop_reason_has_a_text_in_both_languages(reason: StopReason) -> None:
    problem: dict[str, Any] = {"step": "vm", "reason": reason.value, "trouble": "handle", "permission": "operate"}
    english = stop_words(problem)
    assert len(english) > 20
    with translation.override("fr"):
        assert stop_words(problem) != english


def test_stopped_plan_shows_its_reason_in_the_chosen_language(
    browser: Client, account: Account, owner: Membership
) -> None:
    plan = factories.plan(account, by=owner, state="stopped", problem={"step": "verify", "reason": "not_free"})
    url = reverse("plan", args=[account.pk, plan.pk])
    assert "enough free shares for this server." in browser.get(url).content.decode()
    page = browser.get(url, headers={"Accept-Language": "fr"}).content.decode()
    assert "Il n’y a pas assez de parts libres" in page


def test_shares_to_buy_include_the_system_disk(browser: Client, account: Account) -> None:
    """104 GB are free; the data disk takes 100 of them, so a system of 20 GB needs the disk space of two shares."""
    image = factories.os_image(account, min_disk_mb=20 * 1024)
    typed = {"hostname": "web-9", "os_id": image.remote_id, "shares": 1, "cpu": 1, "login": "admin"}
    typed |= {"disk_size_mb": "100", "disk_name": "data", "disk_fstype": "ext3", "buy_shares": 0, "duration": "1m"}
    url = reverse("server_preview", args=[account.pk])
    assert "Buy 2 more shares for the server and its disk space" in browser.post(url, typed).content.decode()
    assert "Buy" not in browser.post(url, {**typed, "os_id": ""}).content.decode()
    page = browser.post(reverse("server_new", args=[account.pk]), {**typed, "password": "s3cretpass"})
    assert "2 more shares are needed" in page.content.decode()


@pytest.mark.parametrize(("bought", "off"), [(False, True), (True, False)])
def test_plan_can_be_resumed_without_spend_permission_once_all_is_bought(
    client: Client, account: Account, owner: Membership, bought: bool, off: bool
) -> None:
    spec = {**factories.SPEC, "buy_shares": 2}
    plan = factories.plan(
        account, by=owner, state="stopped", spec=spec, problem={"step": "verify", "reason": "not_free"}
    )
    if bought:
        factories.operation(account, plan=plan, step="buy", state="done", kind="hosting_account_product_add")
    client.force_login(factories.member(Role.OPERATOR, of=owner.team).user)
    page = client.get(reverse("plan", args=[account.pk, plan.pk])).content.decode()
    assert (reverse("plan_resume", args=[account.pk, plan.pk]) not in page) == off
    assert reverse("plan_abandon", args=[account.pk, plan.pk]) in page
