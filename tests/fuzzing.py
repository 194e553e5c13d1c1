"""How many examples property tests try: few in `make test`, `FUZZ` times as many in `make fuzz`."""

import os

_FACTOR = int(os.environ.get("FUZZ") or 1)


def examples(few: int) -> int:
    """Return how many examples to try where `make test` tries `few`."""
    return few * _FACTOR
