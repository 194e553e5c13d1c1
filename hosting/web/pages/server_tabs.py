"""The tabs of a server: its own page, and one for each page that its endpoint has an extension of the API for."""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import Http404
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.inventory import figures
from hosting.inventory.models import Vm


@dataclass(frozen=True)
class Tab:
    """A page of a server. `is_offered`: whether the account's endpoint has what the page shows."""

    name: str
    view: str
    label: Promise
    icon: str
    is_offered: Callable[[Account], bool] = lambda _account: True


# In the order in which they are shown.
TABS = (
    # Translators: the tab of a server's own page.
    Tab("overview", "server", _("Overview"), "server"),
    Tab("figures", "server_figures", _("Figures"), "chart-line", figures.are_offered),
)


def context(account: Account, vm: Vm, current: str) -> dict[str, object]:
    """What `components/server_tabs.html` needs; no tabs at all where a server has a single page."""
    offered = [tab for tab in TABS if tab.is_offered(account)]
    if len(offered) < 2:
        return {}
    tabs = [(tab, reverse(tab.view, args=[account.pk, vm.remote_id])) for tab in offered]
    return {"server_tabs": tabs, "server_tab": current}


def require(account: Account, name: str) -> None:
    """Answer 404 for the page of a tab that the endpoint does not offer."""
    if not any(tab.name == name and tab.is_offered(account) for tab in TABS):
        raise Http404
