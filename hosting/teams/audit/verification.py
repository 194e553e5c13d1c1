"""Verify a team's audit log: recompute every digest of its chain, in constant memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hosting.teams.audit import chain
from hosting.teams.audit.models import AuditEntry, AuditHead

_BATCH = 2_000


class Fault(StrEnum):
    """What is wrong with a chain."""

    ALTERED = "was altered"
    MISSING = "is missing"
    MISPLACED = "was inserted or moved"
    CUT = "is missing at the end: the head names a later entry"
    HEAD = "is the last one, and the head names another"
    NOTED = "is not the one that was noted"
    NEVER = "was noted, and the chain ends before it"


@dataclass(frozen=True)
class Finding:
    """The first entry of a chain that does not match, by its position; `row` is its key, if it has a row."""

    fault: Fault
    sequence: int
    row: int | None = None


@dataclass(frozen=True)
class Chain:
    """The valid part of a team's chain, and what is wrong after it, if anything."""

    entries: int
    digest: str
    finding: Finding | None = None


def verify(team_id: int, noted: Mapping[int, str] | None = None) -> Chain:
    """Verify the chain of a team.

    `noted` are digests by position that were noted elsewhere. They detect an audit log that was restored to an older
    state: its chain is valid, but lacks them. Entries may be written while this runs.
    """
    signing_key, noted = chain.key(), dict(noted or {})
    head = _head(team_id)
    count, digest, last_row = 0, chain.BEGINNING, 0
    rows = _entries(team_id)
    following = next(rows, None)
    while following is not None:
        row, following = following, next(rows, None)
        if finding := _fault_of(row, following, count + 1, digest, last_row, signing_key):
            return Chain(count, digest, finding)
        count, digest, last_row = count + 1, row["digest"], row["pk"]
        if noted.pop(count, digest) != digest:
            return Chain(count, digest, Finding(Fault.NOTED, count, last_row))
        if head.sequence == count and head.digest != digest:
            return Chain(count, digest, Finding(Fault.HEAD, count, last_row))
    # Entry and head are written in one transaction, so a head that is read last covers all entries read before it.
    if head.sequence > count:
        return Chain(count, digest, Finding(Fault.CUT, count + 1))
    if _head(team_id).sequence < count:
        return Chain(count, digest, Finding(Fault.HEAD, count, last_row))
    if noted:
        return Chain(count, digest, Finding(Fault.NEVER, min(noted)))
    return Chain(count, digest)


def _head(team_id: int) -> AuditHead:
    return AuditHead.objects.filter(team=team_id).first() or AuditHead(team_id=team_id)


def _entries(team_id: int) -> Iterator[dict[str, Any]]:
    """The entries in the order of the chain, read in batches."""
    sequence, pk = -1, 0
    columns = ("pk", "digest", *chain.COLUMNS, *chain.ADDED)
    while True:
        entries = AuditEntry.objects.filter(team=team_id).order_by("sequence", "pk").values(*columns)
        batch = list(entries.filter(sequence__gte=sequence).exclude(sequence=sequence, pk__lte=pk)[:_BATCH])
        yield from batch
        if len(batch) < _BATCH:
            return
        sequence, pk = batch[-1]["sequence"], batch[-1]["pk"]


def _fault_of(
    row: dict[str, Any], following: dict[str, Any] | None, place: int, previous: str, last_row: int, signing_key: bytes
) -> Finding | None:
    if row["sequence"] > place:
        return Finding(Fault.MISSING, place)
    fits = row["sequence"] == place and chain.digest(signing_key, previous, row) == row["digest"]
    if fits:
        return None
    # Keys of rows grow along a chain: a row whose key does not was not written at this position.
    grows = last_row < row["pk"] and (following is None or row["pk"] < following["pk"])
    return Finding(Fault.ALTERED if grows and row["sequence"] == place else Fault.MISPLACED, place, row["pk"])
