"""Another key for secrets at rest: all that is sealed in the database is sealed anew with the first of `SEAL_KEYS`.

The panel may run meanwhile: a value is replaced only where it is still the one that was read. Code that carries a
sealed value from row to row can put an old one down behind the reader, so it is read again until a pass changes
nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from hosting.accounts.sealing import UnreadableSecretError, reseal

# More passes than that would mean that something still seals with an older key.
PASSES = 5
_BATCH = 500


@dataclass(frozen=True)
class Column:
    """Where sealed values are, and how such a value is sealed anew."""

    model: type[models.Model]
    name: str
    renew: Callable[[Any], Any] = reseal

    def __str__(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"


@dataclass
class Count:
    """What became of a column: values sealed anew, values that the first key opens, and rows that no key opens."""

    renewed: int = 0
    current: int = 0
    unreadable: set[int] = field(default_factory=set)


def columns() -> Iterator[Column]:
    """All that is sealed: whatever is called `sealed_…`, and what allauth keeps of second factors."""
    for model in apps.get_app_config("hosting").get_models():
        for column in model._meta.concrete_fields:
            if column.name.startswith("sealed_"):
                yield Column(model, column.name)
    yield Column(Authenticator, "data", _renew_factor)


def _renew_factor(data: dict[str, Any]) -> dict[str, Any]:
    """The key of an authenticator app, the seed of recovery codes. Passkeys hold nothing secret."""
    secret = {name: reseal(data[name]) for name in ("secret", "seed") if data.get(name)}
    return {**data, **secret}


def renew(column: Column) -> Count:
    """Seal a column's values anew, once."""
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
