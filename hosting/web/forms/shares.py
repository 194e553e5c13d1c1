"""Forms that buy, renew or change a product."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.inventory.models import Product
from hosting.operations.kinds import rules
from hosting.operations.kinds.catalogue import AddProduct, RenewProduct, UpdateProduct
from hosting.web.forms.base import ChangeForm, DurationField, duration_choices

QUANTITY_LABELS = {Product.Name.DISK: _("Disk, in MB")}


class AddProductForm(ChangeForm):
    product_name = forms.ChoiceField(
        label=_("Product"),
        choices=Product.Name.choices,
        help_text=_(
            "Shares can be renewed, changed and released. Fixed shares can only be renewed. "
            "Disk quota adds disk space beyond what your shares include."
        ),
    )
    quantity = forms.IntegerField(
        label=_("Quantity"),
        initial=1,
        min_value=1,
        validators=[rules.quantity],
        help_text=_("Number of shares, or MB for disk quota (1 GB is 1,024 MB)."),
    )
    duration = DurationField()

    def kind(self) -> AddProduct:
        data = self.cleaned_data
        return AddProduct(data["product_name"], data["quantity"], data["duration"])


class RenewForm(ChangeForm):
    duration = DurationField(label=_("Renew for"))

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.product = product
        self.fields["duration"].choices = duration_choices(product.duration)  # type: ignore[attr-defined]
        self.fields["duration"].initial = product.duration

    def kind(self) -> RenewProduct:
        return RenewProduct(self.product.remote_id, self.cleaned_data["duration"])


class QuantityForm(ChangeForm):
    quantity = forms.IntegerField(label=_("New quantity"), min_value=1, validators=[rules.quantity])

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.product = product
        self.fields["quantity"].initial = product.quantity
        self.fields["quantity"].label = QUANTITY_LABELS.get(
            Product.Name(product.product_name) if product.product_name in Product.Name.values else Product.Name.SHARES,
            _("New quantity"),
        )

    def kind(self) -> UpdateProduct:
        return UpdateProduct(self.product.remote_id, self.cleaned_data["quantity"])
