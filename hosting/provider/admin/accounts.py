"""Customers, what they have bought and asked for, and their money."""

from decimal import Decimal

from django import forms
from django.contrib import admin
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest

from hosting.provider import ledger, news
from hosting.provider.admin.read_only import ReadOnlyMixin
from hosting.provider.models import (
    ChangedObject,
    Handle,
    HostingAccount,
    LedgerEntry,
    LedgerTransaction,
    Operation,
    Price,
    Product,
)


class HandleForm(forms.ModelForm):
    new_password = forms.CharField(
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Leave it empty to keep the password as it is. It is never shown again.",
    )
    deposit = forms.DecimalField(
        required=False,
        max_digits=12,
        decimal_places=2,
        min_value=Decimal("0.01"),
        help_text="EUR to add to the prepaid account",
    )

    class Meta:
        model = Handle
        fields = ("handle", "fullname", "reseller")


class HostingAccountInline(admin.StackedInline):
    model = HostingAccount
    extra = 0


@admin.register(Handle)
class HandleAdmin(admin.ModelAdmin):
    form = HandleForm
    inlines = (HostingAccountInline,)
    list_display = ("handle", "fullname", "reseller", "balance")
    list_select_related = ("reseller",)
    search_fields = ("handle", "fullname")

    @admin.display(description="balance (EUR)")
    def balance(self, handle: Handle) -> Decimal:
        return ledger.balance(handle)

    @transaction.atomic
    def save_model(self, request: HttpRequest, obj: Handle, form: ModelForm, change: bool) -> None:
        """Hash a new password, and book a deposit."""
        if form.cleaned_data.get("new_password"):
            obj.password = make_password(form.cleaned_data["new_password"])
        super().save_model(request, obj, form, change)
        if form.cleaned_data.get("deposit"):
            ledger.deposit(obj, form.cleaned_data["deposit"], f"deposit entered by {request.user}")
        if change and hasattr(obj, "hosting_account"):
            news.note_account(obj.hosting_account.pk)


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin):
    list_display = ("product_name", "amount")


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    """Staff may have a product renewed automatically; the rest are operations of its owner."""

    list_display = ("id", "product_name", "account", "quantity", "state", "date_end", "autorenew", "is_refused")
    list_select_related = ("account__handle",)
    list_filter = ("autorenew", "product_name", "state")
    fields = (
        "account",
        "product_name",
        "quantity",
        "duration",
        "unit_price",
        "state",
        "date_created",
        "date_end",
        "anchor_day",
        "autorenew",
        "is_refused",
    )
    readonly_fields = tuple(name for name in fields if name != "autorenew")

    @admin.display(boolean=True, description="could not be renewed")
    def is_refused(self, product: Product) -> bool:
        return product.autorenew and product.autorenew_refused_for == product.date_end

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Product | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Product, form: ModelForm, change: bool) -> None:
        """Only the column: the product may be renewed meanwhile. Switched on anew, staff are told anew."""
        if change and form.changed_data:
            with transaction.atomic():
                news.lock(obj.account_id)
                Product.objects.filter(pk=obj.pk).update(autorenew=obj.autorenew, autorenew_refused_for=None)
                news.note(obj.account_id, [(ChangedObject.Type.PRODUCT, obj.pk)])


@admin.register(Operation)
class OperationAdmin(ReadOnlyMixin, admin.ModelAdmin):
    list_display = ("id", "type", "source", "state", "step", "date_created", "last_error")
    list_select_related = ("source",)
    list_filter = ("state", "type")
    exclude = ("sealed_password",)


class LedgerEntryInline(ReadOnlyMixin, admin.TabularInline):
    model = LedgerEntry
    extra = 0


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(ReadOnlyMixin, admin.ModelAdmin):
    list_display = ("id", "date", "description", "operation")
    list_select_related = ("operation",)
    inlines = (LedgerEntryInline,)
