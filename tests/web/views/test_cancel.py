"""Taking an operation back, from its page."""

from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from hosting.teams.models import Membership
from tests import factories


def test_the_page_offers_it_and_tells_how_it_went(browser: Client, account: Account, owner: Membership) -> None:
    operation = factories.running_operation(account, by=owner, remote_state="PENDING", started_at=None)
    here = reverse("operation", args=[account.pk, operation.pk])
    to_cancel = reverse("operation_cancel", args=[account.pk, operation.pk])
    assert to_cancel in browser.get(here).content.decode()
    page = browser.post(to_cancel, {"next": here}, follow=True).content.decode()
    assert "Cancellation" in page
    assert to_cancel not in page
    for state, words in {
        "sent": "Cancellation requested",
        "too_late": "the provider had already started",
        "refused": "The operation continues",
        "unanswered": "did not answer the cancellation",
    }.items():
        Operation.objects.update(cancel_state=state)
        assert words in browser.get(here).content.decode(), state
    Operation.objects.update(cancel_state="", remote_state="RUN")
    assert to_cancel not in browser.get(here).content.decode()
