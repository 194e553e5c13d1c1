"""Host names that are allowed but odd are pointed out beside the field, and not refused."""

import pytest
from django.test import Client
from django.urls import reverse

from hosting.accounts.models import Account
from hosting.operations.models.operation import Operation
from tests import factories
from tests.web.views.test_forms import new_server

NUMBER, CASE = "take this for a number or an address", "<bdi>Web-1</bdi> by upper and lower case only"


@pytest.fixture
def server(account: Account) -> None:
    factories.vm(account, "Web-1")
    factories.vm(factories.account(account.team), "MAIL")


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("hostname", "said", "unsaid"),
    [
        ("10.0.0.1", NUMBER, CASE),
        ("123", NUMBER, CASE),
        ("web-1", CASE, NUMBER),
        ("WEB-1", CASE, NUMBER),
        ("Web-1", "", CASE),
        ("mail", "", "only"),
        ("web-10", "", CASE),
        ("a\0b", "", CASE),
    ],
)
def test_odd_host_names_are_pointed_out_while_they_are_typed(
    browser: Client, account: Account, hostname: str, said: str, unsaid: str
) -> None:
    html = browser.post(reverse("server_preview", args=[account.pk]), {"hostname": hostname}).content.decode()
    hint = html[html.index('<span id="hostname-hint"') :]
    assert 'hx-swap-oob="true"' in hint
    assert said in hint
    assert unsaid not in hint


@pytest.mark.usefixtures("server")
def test_odd_host_name_is_pointed_out_beside_the_field_of_a_form_that_is_shown_again(
    browser: Client, account: Account
) -> None:
    for name in ("server_new", "server_alone"):
        html = browser.post(reverse(name, args=[account.pk]), new_server(account, hostname="WEB-1", cpu=9)).content
        assert CASE in html.decode(), name
    assert not Operation.objects.exists()


def test_odd_host_name_is_not_refused(browser: Client, account: Account) -> None:
    factories.vm(account, "Web-1")
    for number, hostname in enumerate(("web-1", "10.0.0.1"), start=1):
        typed = new_server(account, hostname=hostname)
        assert browser.post(reverse("server_alone", args=[account.pk]), typed).status_code == 303
        assert Operation.objects.filter(kind="vm_create").count() == number
