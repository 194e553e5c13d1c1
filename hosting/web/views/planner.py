"""The capacity planner: how many servers of a size fit, the largest one, and what to buy for the rest."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from hosting.operations.capacity import overview
from hosting.operations.capacity.planner import Size, fit, largest
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.planner import PlannerForm
from hosting.web.pages.render import account_page as render_page


@require_safe
@account_page
def planner(request: AccountRequest) -> HttpResponse:
    form = PlannerForm(request.GET, account=request.account)
    pool = overview.overview(request.account)
    context: dict[str, object] = {
        "form": form,
        "capacity": pool,
        "coming": overview.shares_being_bought(request.account),
    }
    if form.is_valid() and pool:
        asked = form.cleaned_data
        data_mb = asked["disk"] or 0
        size = Size(asked["shares"], form.system_mb + data_mb)
        context |= {
            "asked": asked,
            "system_mb": form.system_mb,
            "data_mb": data_mb,
            "takes": size.takes(pool.share),
            "answer": fit(pool, size, asked["count"]),
            "largest": largest(pool, form.system_mb),
            "to_new": _to_new(request, asked, data_mb),
        }
    return render_page(request, "planner", context, section="servers")


def _to_new(request: AccountRequest, asked: dict[str, object], data_mb: int) -> str:
    """The address of the form for a new server, filled in; the short form without a data disk."""
    values = {name: asked[name] for name in ("shares", "cpu", "os_id") if asked[name]}
    if data_mb:
        values["disk_size_mb"] = f"{data_mb} MB"
    name = "server_new" if data_mb else "server_alone"
    return f"{reverse(name, args=[request.account.pk])}?{urlencode(values)}"
