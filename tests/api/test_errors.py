"""Errors have the types the panel decides by, and travel between processes."""

import pickle

import pytest

from hosting.api import (
    ApiError,
    Cause,
    CredentialsRefused,
    DataFault,
    FaultObject,
    Garbled,
    NotEncodable,
    NotSent,
    RateLimited,
    RequestTooLarge,
    ServerFault,
    SessionFault,
    Unanswered,
    fault_from,
)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (-1, ServerFault),
        (0, ServerFault),
        (110010, ServerFault),
        (499999, ServerFault),
        (500000, DataFault),
        (510150, CredentialsRefused),
        (510240, SessionFault),
        (510250, DataFault),
        (9_999_999, DataFault),
    ],
)
def test_fault_code_decides_the_type(code: int, expected: type[ApiError]) -> None:
    assert type(fault_from(code, "x")) is expected


def test_data_fault_names_the_field_to_correct() -> None:
    error = fault_from(530130, "DataError: invalid value [quantity: [4, 5]]")
    assert isinstance(error, DataFault)
    assert error.object is FaultObject.PRODUCT
    assert error.cause is Cause.VALUE
    assert (error.element, error.value) == ("quantity", "[4, 5]")
    plain = fault_from(580160, "")
    assert isinstance(plain, DataFault)
    assert (plain.element, plain.value) == ("", "")
    assert plain.message


@pytest.mark.parametrize(
    "error",
    [
        NotSent("a"),
        NotEncodable("b"),
        Unanswered("c"),
        Garbled("d"),
        RateLimited(2.5),
        RequestTooLarge("e"),
        fault_from(580140, "DataError: no such VM [vm_id: 4]"),
        fault_from(510240, "DataError: unknown session"),
    ],
)
def test_errors_can_be_pickled(error: ApiError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert again.message == error.message == str(again)
    assert vars(again) == vars(error)


def test_missing_answer_is_not_a_refusal() -> None:
    assert issubclass(Garbled, Unanswered)
    for certain in (NotSent, NotEncodable, RateLimited, RequestTooLarge, ServerFault, DataFault):
        assert not issubclass(certain, Unanswered)
