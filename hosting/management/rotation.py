"""Key rotation: re-encrypt all stored secrets with the first key of `SEAL_KEYS`.

The panel may run meanwhile: a value is replaced only if it has not changed since it was read. Code that copies a sealed
value from row to row may write an old one after its row was read, so passes are repeated until one changes nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from hosting.accounts.sealing import UnreadableSecretError, reseal

# If this is not enough, some process still encrypts with an older key.
PASSES = 5
_BATCH = 500


@dataclass(frozen=True)
class Column:
    """A column with sealed values, and how such a value is re-encrypted."""

    model: type[models.Model]
    name: str
    renew: Callable[[Any], Any] = reseal

    def __str__(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"


@dataclass
class Count:
    """The result for a column: values re-encrypted, values that were current, and rows that no key decrypts."""

    renewed: int = 0
    current: int = 0
    unreadable: set[int] = field(default_factory=set)


def columns() -> Iterator[Column]:
    """All columns with sealed values: those named `sealed_…`, and the second factors of allauth."""
    for model in apps.get_app_config("hosting").get_models():
        for column in model._meta.concrete_fields:
            if column.name.startswith("sealed_"):
                yield Column(model, column.name)
    yield Column(Authenticator, "data", _renew_factor)


def _renew_factor(data: dict[str, Any]) -> dict[str, Any]:
    """Re-encrypt the key of an authenticator app or the seed of recovery codes. Passkeys hold no secret."""
    secret = {name: reseal(data[name]) for name in ("secret", "seed") if data.get(name)}
    return {**data, **secret}


def renew(column: Column) -> Count:
    """Re-encrypt the values of a column in one pass."""
    count, last = Count(), 0
    filled = column.model._base_manager.exclude(**{column.name: ""})
    while rows := list(filled.filter(pk__gt=last).order_by("pk").values_list("pk", column.name)[:_BATCH]):
        last = rows[-1][0]
        changes = []
        for pk, old in rows:
            try:
                new = column.renew(old)
            except UnreadableSecretError:
                count.unreadable.add(pk)
                continue
            if new == old:
                count.current += 1
            else:
                changes.append((pk, old, new))
        with transaction.atomic():
            for pk, old, new in changes:
                same = column.model._base_manager.filter(pk=pk, **{column.name: old})
                count.renewed += same.update(**{column.name: new})
    return count
