"""Shares and other products: the list, the expiry calendar, and buying, renewing, changing or releasing one."""

from collections.abc import Mapping

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.inventory.models import Product
from hosting.operations.checks.preconditions import why_not
from hosting.operations.costs import auto_renewals
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import AddProduct, RemoveProduct
from hosting.reading import queries
from hosting.teams.roles import Permission
from hosting.typed_numbers import identifier
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.audit import lines
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.bulk_actions import SECTIONS, posted_ids
from hosting.web.forms.shares import AddProductForm, QuantityForm, RenewForm
from hosting.web.lists import csv_export
from hosting.web.lists import state as list_state
from hosting.web.lists.tables import ProductTable, table
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording import costs

FORMS = ["GET", "HEAD", "POST"]
# The initial values of the form that buys a product.
FIRST_PURCHASE = AddProduct(Product.Name.SHARES, 1, "1m")


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponseBase:
    account = request.account
    products = table(request, ProductTable, Product.objects.filter(account=account), order_by="date_end")
    if csv_export.wanted(request):
        return csv_export.as_csv(request, products, csv_export.PRODUCTS, name=f"shares-{account.label}")
    context = {
        "table": products,
        "capacity": queries.capacity_of(account),
        "auto_renewals": auto_renewals.outlook(account, timezone.now(), seen_by=request.member),
        "open": queries.open_by_target(account),
        "bulk_actions": SECTIONS["shares"].offered(request.member),
        "views": list_state.views(request, "shares"),
    }
    return render_page(request, "shares", context)


@require_safe
@account_page
def expiry_calendar(request: AccountRequest) -> HttpResponse:
    """When products end, and which servers are paused then."""
    now = timezone.now()
    covers = auto_renewals.outlook(request.account, now, seen_by=request.member)
    context = {"calendar": queries.expiring(request.account, now, covers), "auto_renewals": covers}
    return render_page(request, "calendar", context, section="shares")


@require_http_methods(FORMS)
@account_page
def add(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.SPEND)
    form = AddProductForm(request.POST or None)
    kind = _asked(form)
    if kind is not None and submitting.submit_from_page(request, kind, nonce=form.cleaned_data["nonce"], form=form):
        return back(request, reverse("shares", args=[request.account.pk]))
    context = {
        "form": form,
        "title": _("Buy shares or disk"),
        "submit": _("Buy"),
        "icon": "shopping-cart",
        "cancel": reverse("shares", args=[request.account.pk]),
        "lead": _("The prepaid balance is charged when the operation finishes."),
        "quote": costs.quote(
            request.account, [(kind or (None if form.is_bound else FIRST_PURCHASE), None)], by=request.member
        ),
        "quote_url": _quote_url(request, "add"),
        "all_prices": True,
    }
    return account_form(request, "form", context, section="shares", bad=form.is_bound)


def _asked(form: AddProductForm | RenewForm | QuantityForm) -> Kind | None:
    """The operation of a form; None while its input is not valid."""
    return form.kind() if form.is_valid() else None


def _quote_url(request: AccountRequest, name: str, product: Product | None = None) -> str:
    """The address that returns a form's quote while it is filled in."""
    of_product = f"&product={product.remote_id}" if product else ""
    return f"{reverse('shares_estimate', args=[request.account.pk])}?for={name}{of_product}"


@require_POST
@account_page
def estimate(request: AccountRequest) -> HttpResponse:
    """The quote of a form with its current input. Saves nothing."""
    request.member.require(Permission.SPEND)
    name = request.GET.get("for")
    wanted: list[tuple[Kind | None, Product | None]] = []
    match name:
        case "add":
            wanted = [(_asked(AddProductForm(request.POST)), None)]
        case "renew" | "update":
            product = _product(request, identifier(request.GET.get("product", "")) or 0)
            form = (RenewForm if name == "renew" else QuantityForm)(request.POST, product=product)
            wanted = [(_asked(form), product)]
        case "bulk":
            chosen = Product.objects.filter(account=request.account, remote_id__in=posted_ids(request))
            wanted = costs.renewals(chosen, request.POST.get("duration", ""))
        case _:
            raise Http404
    return render(request, "hosting/_quote.html", {"quote": costs.quote(request.account, wanted, by=request.member)})


def _product(request: AccountRequest, remote_id: int) -> Product:
    request.member.require(Permission.SPEND)
    product: Product = get_object_or_404(Product, account=request.account, remote_id=remote_id)
    return product


def _form(
    request: AccountRequest,
    product: Product,
    form: ChangeForm,
    kind: Kind | None,
    words: Mapping[str, object],
    *,
    action: str,
    at_first: Kind | None = None,
) -> HttpResponse:
    if kind is not None and submitting.submit_from_page(request, kind, nonce=form.cleaned_data["nonce"], form=form):
        return back(request, reverse("shares", args=[request.account.pk]))
    reason = why_not(product, action)
    context = {
        "form": form,
        "product": product,
        "auto_renewals": auto_renewals.outlook(request.account, timezone.now(), seen_by=request.member)
        if product.autorenew
        else {},
        "facts": "hosting/_product_facts.html",
        "cancel": reverse("shares", args=[request.account.pk]),
        "warnings": [reason] if reason else [],
        "audit_lines": lines.of_object(request, thing=f"product:{product.remote_id}"),
        "quote": costs.quote(
            request.account, [(kind or (None if form.is_bound else at_first), product)], by=request.member
        ),
        **words,
    }
    return account_form(request, "form", context, section="shares", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def renew(request: AccountRequest, remote_id: int) -> HttpResponse:
    product = _product(request, remote_id)
    form = RenewForm(request.POST or None, product=product)
    words = {
        "title": _("Renew"),
        "submit": _("Renew"),
        "icon": "calendar-plus",
        "lead": _("The prepaid balance is charged when the operation finishes."),
        "quote_url": _quote_url(request, "renew", product),
    }
    # The provider may report a duration that it does not accept.
    at_first, _same = costs.renewals([product], product.duration)[0]
    return _form(request, product, form, _asked(form), words, action="renewing", at_first=at_first)


@require_http_methods(FORMS)
@account_page
def update(request: AccountRequest, remote_id: int) -> HttpResponse:
    product = _product(request, remote_id)
    form = QuantityForm(request.POST or None, product=product)
    words = {
        "title": _("Change quantity"),
        "submit": _("Change"),
        "icon": "sliders-horizontal",
        "lead": _("The difference for the remaining time is charged or credited to the prepaid balance."),
        "quote_url": _quote_url(request, "update", product),
    }
    return _form(request, product, form, _asked(form), words, action="updating")


@require_http_methods(FORMS)
@account_page
@reauthenticated
def remove(request: AccountRequest, remote_id: int) -> HttpResponse:
    product = _product(request, remote_id)
    form = ChangeForm(request.POST or None)
    release = RemoveProduct(product.remote_id)
    words = {
        "title": _("Release"),
        "submit": _("Release product"),
        "icon": "trash-2",
        "danger": True,
        "lead": _(
            "The remaining time is credited to the prepaid balance. Capacity used by servers "
            "and disks can't be released."
        ),
    }
    asked = release if form.is_valid() else None
    return _form(request, product, form, asked, words, action="removing", at_first=release)
