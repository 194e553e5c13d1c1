"""The dashboard of an account, and what needs attention in it."""

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from hosting.reading import queries
from hosting.reading.attention import AttentionItem, attention_items
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.charts import trends
from hosting.web.pages.render import account_page as render_page


@require_safe
@account_page
def dashboard(request: AccountRequest) -> HttpResponse:
    account, now = request.account, timezone.now()
    history = trends.balance_history(account, now)
    running, finished = queries.latest_operations(account)
    ends_soon, covers = queries.ends_soon(account, now, seen_by=request.member)
    context = {
        "attention": _matters(request),
        "capacity": queries.capacity_of(account),
        "spark": trends.balance_spark(history, now),
        "spark_label": trends.spark_words(history, now),
        "runway": trends.runway_words(history, now),
        "servers": queries.servers_by_state(account),
        "disks": queries.disks_by_state(account),
        "unattached": queries.unattached_disks(account),
        "running": running,
        "finished": finished,
        "running_plans": queries.running_plans(account),
        "ends_soon": ends_soon,
        "auto_renewals": covers,
    }
    return render_page(request, "dashboard", context)


@require_safe
@account_page
def attention(request: AccountRequest) -> HttpResponse:
    """The matters of the account that need attention."""
    return render_page(request, "attention", {"attention": _matters(request)})


def _matters(request: AccountRequest) -> list[AttentionItem]:
    return attention_items(request.account, by=request.member, now=timezone.now())
