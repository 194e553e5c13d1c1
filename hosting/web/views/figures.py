"""What a server uses: the page Figures, which shows what is stored and asks for newer figures."""

from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from hosting.inventory import figures
from hosting.inventory.models import Vm
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.charts import figures as drawn
from hosting.web.pages import server_tabs
from hosting.web.pages.render import account_page as render_page


@require_safe
@account_page
def index(request: AccountRequest, remote_id: int) -> HttpResponse:
    """Charts of a server's CPU, memory, disk and network."""
    server_tabs.require(request, "figures")
    rows = Vm.objects.select_related("figures")
    vm: Vm = get_object_or_404(rows, account=request.account, remote_id=remote_id)
    figures.request(vm)
    hours, now, known = drawn.period_of(request.GET.get("period")), timezone.now(), figures.stored(vm)
    samples = figures.since(known.samples, now - timedelta(hours=hours)) if known else []
    context = {
        "vm": vm,
        "period": hours,
        "periods": drawn.PERIODS,
        "figures": known,
        "charts": drawn.charts(vm, samples, hours, now) if known else [],
        **server_tabs.context(request, vm, "figures"),
    }
    # An open page asks for newer figures once a minute.
    return render_page(request, "figures", context, section="servers", renew_after=figures.STALE_AFTER)
