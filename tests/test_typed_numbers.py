"""Numbers as people write them: what is read, in which language, and what is not."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils.translation import override
from hypothesis import given, settings
from hypothesis import strategies as st

from hosting import typed_numbers
from hosting.web.wording import formats
from tests.fuzzing import examples

LANGUAGES = ("en", "fr")
# Python reads the first nine as numbers; nobody types them.
ODD = (
    *("8_0", "8e1", "+8", "٨", "８", "1E3", "0x8", "infinity", "NaN"),
    *("", "-", ".", ",", "8.", ".5", "--8", "1,2,3", "1,,024", "1 02", "1024 024", "1,024 024", "8 8"),
    *("²", "½", "8\0", "8\n8", "9" * 31, "9" * 100_000, "a1" * 100_000 + "\0"),
)


def refuses(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValidationError as error:
        return bool(error.messages)
    return False


def size(text: str) -> int:
    return typed_numbers.size_mb(text, unit="GB")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("read", [typed_numbers.whole, typed_numbers.amount, size])
def test_odd_spellings_are_no_numbers(read: Callable[[str], object], text: str, language: str) -> None:
    with override(language):
        assert refuses(read, text)


@pytest.mark.parametrize(
    ("text", "english", "french"),
    [
        ("8", 8, 8),
        (" 007 ", 7, 7),
        ("-1", -1, -1),
        ("1024", 1024, 1024),
        ("1,024", 1024, None),
        ("1 024", 1024, 1024),
        ("1\u00a0024\u00a0000", 1024000, 1024000),
        ("1\u202f024", 1024, 1024),
        ("0,024", None, None),
        ("1.0", None, None),
        ("8 GB", None, None),
    ],
)
def test_whole_numbers_follow_the_language(text: str, english: int | None, french: int | None) -> None:
    for language, number in zip(LANGUAGES, (english, french), strict=True):
        with override(language):
            if number is None:
                assert refuses(typed_numbers.whole, text), language
            else:
                assert typed_numbers.whole(text) == number, language


@pytest.mark.parametrize(
    ("text", "english", "french"),
    [
        ("24.50", "24.50", "24.50"),
        ("24,50", "24.50", "24.50"),
        ("1,234.50", "1234.50", None),
        ("1\u00a0234,50", "1234.50", "1234.50"),
        ("1,234", "1234", "1.234"),
        ("24.00 EUR", "24.00", "24.00"),
        ("24 euros", None, None),
    ],
)
def test_amounts_follow_the_language(text: str, english: str | None, french: str | None) -> None:
    for language, number in zip(LANGUAGES, (english, french), strict=True):
        with override(language):
            if number is None:
                assert refuses(typed_numbers.amount, text), language
            else:
                assert typed_numbers.amount(text) == Decimal(number), language


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("text", "mb"),
    [
        ("8", 8192),
        ("8.5", 8704),
        ("8,5", 8704),
        ("8.125", 8320),
        ("8.33", 8530),
        ("2 gb", 2048),
        ("2048Mo", 2048),
        ("1\u00a0024 Mo", 1024),
        ("1 To", 1048576),
    ],
)
def test_sizes_name_their_unit_or_are_in_that_of_the_field(text: str, mb: int, language: str) -> None:
    with override(language):
        assert size(text) == mb
        assert typed_numbers.size_mb("2048", unit="MB") == 2048


@pytest.mark.parametrize("text", ["8.1234", "8.5 MB", "0.0001"])
def test_sizes_are_whole_mb(text: str) -> None:
    with pytest.raises(ValidationError, match="whole number of MB"):
        size(text)


@pytest.mark.parametrize("text", ["8 XB", "8 KB", "8 GB GB", "GB"])
def test_unknown_units_are_refused(text: str) -> None:
    assert refuses(size, text)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=examples(200), deadline=None)
@given(number=st.integers(0, 2**31 - 1), cents=st.integers(0, 10**11))
def test_what_a_page_prints_can_be_pasted_back(language: str, number: int, cents: int) -> None:
    amount = Decimal(cents) / 100
    with override(language):
        assert typed_numbers.whole(formats.number(number)) == number
        assert typed_numbers.amount(formats.number(amount)) == amount
        assert typed_numbers.amount(formats.money(amount, "EUR")) == amount
        title = re.search(r'title="(.*?)"', formats.exact_size(number))
        assert title
        assert size(title[1]) == number
        # Pages round sizes: what comes back is a size that they print the same way.
        assert formats.size(size(formats.size(number))) == formats.size(number)


@pytest.mark.parametrize("text", ["8_0", "٨", "²", "+8", "-8", "8.0", " 8", "", "9" * 19])
def test_identifiers_are_plain_digits(text: str) -> None:
    assert typed_numbers.identifier(text) is None
    assert typed_numbers.identifier("80") == 80
