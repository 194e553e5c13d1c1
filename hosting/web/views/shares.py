from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from hosting.inventory.models import Product
from hosting.operations import capacity
from hosting.operations.kind import Kind
from hosting.operations.kinds import RemoveProduct
from hosting.teams.roles import Permission
from hosting.web import changes, export, queries
from hosting.web.bulk_actions import SECTIONS
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.shares import AddProductForm, QuantityForm, RenewForm
from hosting.web.pages import account_form, back
from hosting.web.pages import account_page as render_page
from hosting.web.scope import AccountRequest, account_page
from hosting.web.tables import ProductTable, table

FORMS = ["GET", "HEAD", "POST"]


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponseBase:
    account = request.account
    products = table(request, ProductTable, Product.objects.filter(account=account), order_by="date_end")
    if export.wanted(request):
        return export.as_csv(products, export.PRODUCTS, name=f"shares-{account.label}")
    context = {
        "table": products,
        "capacity": capacity.overview(account),
        "open": queries.open_by_target(account),
        "bulk_actions": SECTIONS["shares"].offered(request.member),
    }
    return render_page(request, "shares", context)


@require_http_methods(FORMS)
@account_page
def add(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.SPEND)
    form = AddProductForm(request.POST or None)
    if form.is_valid() and changes.ask(request, form.kind(), nonce=form.cleaned_data["nonce"], form=form):
        return back(request, reverse("shares", args=[request.account.pk]))
    context = {
        "form": form,
        "title": _("Buy shares or disk"),
        "submit": _("Buy"),
        "icon": "shopping-cart",
        "cancel": reverse("shares", args=[request.account.pk]),
        "lead": _("It is paid from the prepaid balance when the provider has done it."),
    }
    return account_form(request, "form", context, section="shares", bad=form.is_bound)


def _product(request: AccountRequest, remote_id: int) -> Product:
    request.member.require(Permission.SPEND)
    product: Product = get_object_or_404(Product, account=request.account, remote_id=remote_id)
    return product


def _form(
    request: AccountRequest, product: Product, form: ChangeForm, kind: Kind | None, words: dict[str, object]
) -> HttpResponse:
    if kind is not None and changes.ask(request, kind, nonce=form.cleaned_data["nonce"], form=form):
        return back(request, reverse("shares", args=[request.account.pk]))
    context = {
        "form": form,
        "product": product,
        "facts": "hosting/_product_facts.html",
        "cancel": reverse("shares", args=[request.account.pk]),
        **words,
    }
    return account_form(request, "form", context, section="shares", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def renew(request: AccountRequest, remote_id: int) -> HttpResponse:
    product = _product(request, remote_id)
    form = RenewForm(request.POST or None, product=product)
    kind = form.kind() if form.is_valid() else None
    words = {
        "title": _("Renew"),
        "submit": _("Renew"),
        "icon": "calendar-plus",
        "lead": _("It is paid from the prepaid balance when the provider has done it."),
        "warnings": product.errors.get("renewing"),
    }
    return _form(request, product, form, kind, words)


@require_http_methods(FORMS)
@account_page
def update(request: AccountRequest, remote_id: int) -> HttpResponse:
    product = _product(request, remote_id)
    form = QuantityForm(request.POST or None, product=product)
    kind = form.kind() if form.is_valid() else None
    words = {
        "title": _("Change quantity"),
        "submit": _("Change"),
        "icon": "sliders-horizontal",
        "lead": _("The difference for the time left is paid from, or given back to, the prepaid balance."),
        "warnings": product.errors.get("updating"),
    }
    return _form(request, product, form, kind, words)


@require_http_methods(FORMS)
@account_page
def remove(request: AccountRequest, remote_id: int) -> HttpResponse:
    product = _product(request, remote_id)
    form = ChangeForm(request.POST or None)
    kind = RemoveProduct(product.remote_id) if form.is_valid() else None
    words = {
        "title": _("Release"),
        "submit": _("Release it"),
        "icon": "trash-2",
        "danger": True,
        "lead": _("The time left is given back to the prepaid balance. What servers and disks use can't be released."),
        "warnings": [*product.errors.get("removing", []), *product.errors.get("releasing", [])],
    }
    return _form(request, product, form, kind, words)
