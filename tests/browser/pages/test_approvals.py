"""An operation above the spending limit needs another member's approval before it is sent to the provider."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import DONE_MS, PHONE, field
from tests.stack import Stack

# An account of a team of its own: who buys in the demo's team elsewhere must not wait.
SCENE = """
from hosting.accounts.connect import connect
from hosting.accounts.models import Endpoint
from hosting.management.commands.prepare import DEMO_API_PASSWORD, DEMO_LOGIN
from hosting.teams.models import Membership, Team, User
from hosting.teams.policies.models import SpendingLimit
team = Team.objects.create(name="Four eyes")
people = [
    Membership.objects.create(
        team=team, user=User.objects.create_user(f"{name}@eyes.example", name=name.title()), role=role
    )
    for name, role in (("olga", "owner"), ("bill", "billing"))
]
account = connect(
    by=people[0], endpoint=Endpoint.objects.get(offered=True), label="Eyes", login=DEMO_LOGIN, handle=DEMO_LOGIN,
    password=DEMO_API_PASSWORD,
)
SpendingLimit.objects.create(team=team, role="billing", shares=1)
print(account.pk, team.pk)
"""


@pytest.mark.drives("hosting_account_product_add")
def test_another_member_approves_an_operation_above_the_spending_limit(
    browse: Callable[..., Page], stack: Stack, complaints: list[str]
) -> None:
    account, team = stack.run(SCENE).split()
    bill = browse(f"/accounts/{account}/shares/add/", person="bill@eyes.example")
    field(bill, "Quantity").fill("2")
    expect(bill.locator("#quote")).to_contain_text("This will need approval by Olga.")
    bill.get_by_role("button", name="Buy").click()
    expect(bill.get_by_role("status").filter(has_text="waiting for approval by Olga")).to_be_visible()
    bill.get_by_role("link", name="View operation").click()
    expect(bill.locator(".state-card .state")).to_have_text("Waiting for approval")
    # Nobody approves their own.
    bill.goto(f"/teams/{team}/approvals/")
    expect(bill.locator(".waiting strong")).to_have_text("Add product Shares × 2")
    expect(bill.get_by_role("checkbox")).to_have_count(0)
    bill.go_back()

    olga = browse(f"/accounts/{account}/attention/", person="olga@eyes.example", viewport=PHONE)
    olga.get_by_role("link", name=re.compile("^Decide")).click()
    expect(olga.get_by_role("checkbox", name="Add product Shares × 2")).to_be_checked()
    field(olga, "Comment").fill("For the shop")
    olga.get_by_role("button", name="Approve selected").click()
    expect(olga.get_by_role("status").filter(has_text="1 operation approved.")).to_be_visible()

    expect(bill.locator(".state-card .state")).to_have_text("Done", timeout=DONE_MS)
    expect(bill.locator("main .facts")).to_contain_text("Olga “For the shop”")
    assert complaints == []
