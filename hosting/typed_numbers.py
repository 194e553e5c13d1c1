"""Read numbers as people write them, for every door: pages, an API, a command line.

`int` and `Decimal` read more than people mean (8_0 is 80, 8e1 too, ٨ is 8), and not what the panel itself prints
(1 024 Mo). Here a number is ASCII digits, grouped in threes as the active language prints them or by spaces, with a
decimal comma or point. Where a comma groups, it is a decimal comma only before one or two digits: 8,5 but not 8,500.

Each function raises `ValidationError` with a message for the person who typed the number.
"""

import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from django.core.exceptions import ValidationError
from django.utils.formats import get_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _

# Units of sizes in MB (2^20 bytes), as the panel prints them in its languages.
UNITS = {"MB": 1, "MO": 1, "GB": 1024, "GO": 1024, "TB": 1024 * 1024, "TO": 1024 * 1024}

# Space, no-break space, thin space and narrow no-break space.
_SPACES = " \u00a0\u2009\u202f"
_UNIT = re.compile(rf"(?P<number>.*?)[{_SPACES}]?(?P<unit>[A-Za-z]+)?", re.DOTALL)
_CURRENCY = re.compile(r"[A-Z]{3}")
# No disk is of that size in any unit.
_LARGEST_SIZE = 10**12
# Longer than any number that the panel prints.
_LONGEST = 60
_ID = re.compile(r"[0-9]{1,18}", re.ASCII)


def whole(text: str) -> int:
    """A whole number: 8, or 1,024 as the panel prints it."""
    number = _read(text)
    if number is None or "." in number:
        raise ValidationError(_("Enter a whole number in digits, such as 8 or 1,024."), code="invalid")
    return int(number)


def amount(text: str) -> Decimal:
    """An amount of money: 24.50, 1,024.50 or, as the panel prints it, with the code of a currency behind it."""
    number, unit = _split(text)
    found = _read(number)
    if found is None or not (unit == "" or _CURRENCY.fullmatch(unit)):
        raise ValidationError(_("Enter an amount in digits, such as 24 or 24.50."), code="invalid")
    return Decimal(found)


def size_mb(text: str, *, unit: str) -> int:
    """A size in whole MB. It may name its unit (8 GB, 512 Mo); without one it is in `unit`.

    Pages round to two decimals: what has no more of them is rounded to the nearest MB, so that it can be pasted back.
    """
    number, named = _split(text)
    factor = UNITS.get((named or unit).upper())
    found = _read(number)
    if found is None or factor is None or Decimal(found) >= _LARGEST_SIZE:
        example = (
            _("Enter a size in GB, such as 8 or 8.5, or in MB, such as 8192 MB.")
            if unit == "GB"
            else _("Enter a size in MB, such as 2048, or in GB, such as 2 GB.")
        )
        raise ValidationError(example, code="size")
    mb = Decimal(found) * factor
    places = len(found.partition(".")[2])
    if mb != mb.to_integral_value() and (factor == 1 or places > 2):
        raise ValidationError(_("The size must be a whole number of MB. 1 GB is 1,024 MB."), code="whole")
    return int(mb.to_integral_value(ROUND_HALF_UP))


def between(least: int, most: int, words: str | Promise) -> Callable[[int], None]:
    """A check that a number is in a range. `words` say the range and its unit: "Enter %(least)s to %(most)s days."."""

    def check(value: int) -> None:
        if not least <= value <= most:
            raise ValidationError(str(words), code="range", params={"least": grouped(least), "most": grouped(most)})

    return check


def grouped(number: int | Decimal) -> str:
    """The number as the active language prints it: 1,024."""
    return number_format(number, force_grouping=True)


def identifier(text: str) -> int | None:
    """A number of a row or of an object at the provider, from an address or a hidden field; None for anything else."""
    return int(text) if _ID.fullmatch(text) else None


def _split(text: str) -> tuple[str, str]:
    """The number and the unit behind it, which may be empty."""
    found = _UNIT.fullmatch(text.strip()) if len(text) <= _LONGEST else None
    return (found["number"], found["unit"] or "") if found else (text, "")


def _read(text: str) -> str | None:
    """The number as Python writes it; None when this is not one."""
    found = _pattern(get_format("THOUSAND_SEPARATOR")).fullmatch(text.strip())
    if found is None:
        return None
    part = found["part"] or ""
    return found["sign"] + re.sub(r"[^0-9]", "", found["whole"]) + part.replace(",", ".")


@cache
def _pattern(separator: str) -> re.Pattern[str]:
    commas_group = separator == ","
    marks = _SPACES + ("," if commas_group else "")
    decimals = r"\.[0-9]{1,9}|,[0-9]{1,2}" if commas_group else r"[.,][0-9]{1,9}"
    grouped = rf"[1-9][0-9]{{0,2}}(?P<mark>[{marks}])[0-9]{{3}}(?:(?P=mark)[0-9]{{3}}){{0,9}}"
    # The mark that groups is not the decimal mark too.
    return re.compile(rf"(?P<sign>-?)(?P<whole>{grouped}|[0-9]{{1,30}})(?:(?!(?P=mark))(?P<part>{decimals}))?")
