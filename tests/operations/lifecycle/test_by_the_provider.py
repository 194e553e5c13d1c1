"""What the provider does by itself is not taken for an operation of ours."""

import pytest

from hosting.api import OperationDetails
from hosting.operations.kinds.base import Kind
from hosting.operations.kinds.catalogue import RenewProduct, StartVm, StopVm


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(StopVm(5), "shares_ended"), (StartVm(5), "shares_back"), (RenewProduct(3, "1m"), "autorenew")],
)
def test_operation_that_names_a_reason_is_none_of_ours(kind: Kind, reason: str) -> None:
    """A member's stop got no answer, and the provider paused the server meanwhile: the stop may still come."""

    def details(**more: str) -> OperationDetails:
        return OperationDetails(id=900, type=kind.method, state="DONE", params={**kind.wire_params(), **more})

    assert kind.fits(details())
    assert not kind.fits(details(reason=reason))
