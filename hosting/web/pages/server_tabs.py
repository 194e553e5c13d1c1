"""The tabs of a server: its own page, and one for each page that its endpoint has an extension of the API for."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import Http404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.inventory import figures
from hosting.inventory.models import Vm
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest


@dataclass(frozen=True)
class Tab:
    """A page of a server. `is_offered`: whether the account's endpoint has what the page shows."""

    name: str
    view: str
    label: Promise
    icon: str
    is_offered: Callable[[Account], bool] = lambda _account: True
    permission: Permission = Permission.VIEW


# In the order in which they are shown.
TABS = (
    # Translators: the tab of a server's own page.
    Tab("overview", "server", _("Overview"), "server"),
    Tab(
        "console",
        "server_console",
        _("Console"),
        "square-terminal",
        lambda account: extensions.has_consoles(account.endpoint),
        Permission.CONSOLE,
    ),
    Tab("figures", "server_figures", _("Figures"), "chart-line", figures.are_offered),
)


def context(request: AccountRequest, vm: Vm, current: str) -> dict[str, object]:
    """What `components/server_tabs.html` needs; no tabs at all where a server has a single page."""
    account, member = request.account, request.member
    offered = [tab for tab in TABS if tab.is_offered(account) and member.may(tab.permission, account)]
    if len(offered) < 2:
        return {}
    tabs = [(tab, reverse(tab.view, args=[account.pk, vm.remote_id])) for tab in offered]
    return {"server_tabs": tabs, "server_tab": current}


def require(request: AccountRequest, name: str) -> None:
    """Let somebody open the page of a tab.

    Raises:
        NotAllowedError: the role lacks the permission.
        Http404: the endpoint does not offer what the page shows.
    """
    tab = next(tab for tab in TABS if tab.name == name)
    request.member.require(tab.permission, request.account)
    if not tab.is_offered(request.account):
        raise Http404
