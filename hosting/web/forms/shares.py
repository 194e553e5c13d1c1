"""Forms that buy, renew or change a product."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hosting.inventory.models import Product
from hosting.operations.kinds import rules
from hosting.operations.kinds.catalogue import AddProduct, RenewProduct, UpdateProduct
from hosting.web.forms.base import ChangeForm, DurationField, duration_choices
from hosting.web.forms.numbers import SizeField, WholeField

_QUANTITY_HELP = _("Number of shares, or the size of the disk quota in MB. You can also enter GB with the unit: 8 GB.")


class AddProductForm(ChangeForm):
    product_name = forms.ChoiceField(
        label=_("Product"),
        choices=Product.Name.choices,
        help_text=_(
            "Shares can be renewed, changed and released. Fixed shares can only be renewed. "
            "Disk quota adds disk space beyond what your shares include."
        ),
    )
    quantity = WholeField(
        label=_("Quantity"), initial=1, validators=[rules.quantity_of("shares")], help_text=_QUANTITY_HELP
    )
    duration = DurationField()

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        # Only disk quota has a unit.
        if self.is_bound and self.data.get("product_name") == Product.Name.DISK:
            self.fields["quantity"] = SizeField(
                label=_("Quantity"), validators=[rules.quantity_of("disk")], help_text=_QUANTITY_HELP
            )

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
    quantity: forms.IntegerField = WholeField(label=_("New quantity"), validators=[rules.quantity_of("shares")])

    def __init__(self, *args: Any, product: Product, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.product = product
        if product.product_name == Product.Name.DISK:
            self.fields["quantity"] = SizeField(label=_("Disk, in MB"), validators=[rules.quantity_of("disk")])
        self.fields["quantity"].initial = product.quantity

    def kind(self) -> UpdateProduct:
        return UpdateProduct(self.product.remote_id, self.cleaned_data["quantity"])
