"""The page Trends, as charts and as CSV."""

from datetime import timedelta

from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from hosting.inventory import samples
from hosting.inventory.models import BalanceSample, CapacitySample
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.charts import trends
from hosting.web.lists import csv_export
from hosting.web.pages.render import account_page as render_page


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponseBase:
    """Charts of the account's balance, capacity and operations."""
    days = trends.period_of(request.GET.get("period"))
    if csv_export.wanted(request):
        return _as_csv(request, days)
    account, now = request.account, timezone.now()
    info = getattr(account, "info", None)
    history = trends.balance_history(account, now, days)
    context = {
        "period": days,
        "periods": trends.PERIODS,
        "runway": trends.runway_words(history, now) if history else "",
        "balance": trends.balance_chart(history, info.currency if info else "", days, now),
        "outcomes": trends.operations_chart(account, days, now),
        "capacity": trends.capacity_charts(account, days, now),
    }
    return render_page(request, "trends", context)


def _as_csv(request: AccountRequest, days: int) -> HttpResponseBase:
    """Every sample or count of the period, not only the points that are drawn."""
    account, now = request.account, timezone.now()
    start, of = now - timedelta(days=days), request.GET.get("of")
    name = f"{of}-{account.label}"
    if of == "balance":
        rows = samples.since(BalanceSample.objects.all(), account, start)
        return csv_export.stream(request, rows.iterator(), csv_export.BALANCE, name=name)
    if of == "capacity":
        return csv_export.stream(
            request,
            samples.since(CapacitySample.objects.all(), account, start).iterator(),
            csv_export.CAPACITY,
            name=name,
        )
    if of == "operations":
        return csv_export.stream(request, trends.operation_slots(account, days, now), csv_export.OUTCOMES, name=name)
    raise Http404
