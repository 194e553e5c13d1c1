"""What follows when a VM's row and its guest differ. Every pair is named here, so that none is decided by chance."""

from tests.processes import Provider

# Row, wanted, guest, reason -> verdict.
CASES = """
running running running -    NOTHING
running running halted  -    HALTED
running running crashed -    START
running halted  crashed -    HALTED
running running paused  -    RESUME
running running paused  full STOPPED
running running none    -    MISSING
halted  halted  running -    RUNS
halted  halted  halted  -    NOTHING
halted  halted  crashed -    NOTHING
halted  halted  paused  -    NOTHING
halted  halted  none    -    MISSING
paused  running running -    PAUSE
paused  running paused  full NOTHING
paused  halted  halted  -    NOTHING
paused  running crashed -    NOTHING
paused  running none    -    MISSING
locked  running running -    PAUSE
locked  running paused  -    NOTHING
locked  running crashed -    NOTHING
locked  running none    -    NOTHING
deleted running running -    NOTHING
"""
CODE = """
from hosting.provider.drivers.base import Observed
from hosting.provider.engine.verdicts import verdict
for line in {!r}.strip().splitlines():
    state, wanted, guest, reason, expected = line.split()
    observed = None if guest == "none" else Observed(guest, reason=reason.strip("-"))
    found = verdict(state, wanted, observed).name
    print(line if found == expected else f"{{line}} but {{found}}")
"""


def test_each_pair_has_one_verdict(provider: Provider) -> None:
    assert provider.shell(CODE.format(CASES)).splitlines() == CASES.strip().splitlines()
