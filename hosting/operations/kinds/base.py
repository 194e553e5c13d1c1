"""The base of all kinds of operation: API method, permission, rules, and how it is sent and matched.

A kind is data. Its fields are the method's parameters, stored as JSON. A secret is kept separately, sealed.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum, auto
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.utils.functional import Promise

from hosting.api import Client, OperationDetails
from hosting.inventory.reading import AccountData
from hosting.operations.models.rejection import Invalid
from hosting.teams.roles import Permission


class Answer(Enum):
    """What the API method returns: an operation id, or the id of a new object whose operation is then looked up."""

    OPERATION = auto()
    VM = auto()
    DISK = auto()


@dataclass(frozen=True)
class Kind:
    """Base of all kinds of operation."""

    # The API method, which is also the name of the kind.
    method: ClassVar[str]
    title: ClassVar[Promise]
    permission: ClassVar[Permission]
    answer: ClassVar[Answer] = Answer.OPERATION
    # Which facts about the whole account may change when it is done.
    changes: ClassVar[AccountData] = AccountData.CAPACITY
    secret_rules: ClassVar[Mapping[str, Callable[[str], None]]] = {}
    rules: ClassVar[Mapping[str, Callable[..., None]]] = {}

    @property
    def target(self) -> str:
        """The object it changes, such as "vm:12"; empty when it creates one. An object has one open operation only."""
        return ""

    def as_params(self) -> dict[str, object]:
        """The fields, for the database."""
        return asdict(self)

    def wire_params(self) -> dict[str, object]:
        """The fields, named as in the API's `operation_details`."""
        return asdict(self)

    def validate(self, secret: str = "") -> None:
        """Check the values against the rules of the API.

        Raises:
            Invalid: names the wrong field and what to correct.
        """
        for field, rule in self.rules.items():
            value = getattr(self, field)
            if value is not None:
                check(rule, value, field)
        for field, rule in self.secret_rules.items():
            check(rule, secret, field)

    def send(self, client: Client, secret: str) -> int:
        """Make the call, and return what the API method returns (see `answer`).

        Raises:
            hosting.api.ApiError: the call failed, or got no answer.
        """
        raise NotImplementedError

    def fits(self, details: OperationDetails) -> bool:
        """Whether a provider's operation may be this one: same type, and no parameter differs.

        One with a `reason` is none of ours: the provider began it by itself (docs/provider-api.md).
        """
        if details.type != self.method or details.params.get("reason"):
            return False
        theirs = {
            **{key: value for key, value in details.params.items() if value not in ("", None)},
            **{
                key: value for key in ("vm_id", "disk_id", "product_id") if (value := getattr(details, key)) is not None
            },
        }
        ours = {key: value for key, value in self.wire_params().items() if value is not None}
        return all(str(theirs[key]) == str(value) for key, value in ours.items() if key in theirs)


def check(rule: Callable[..., None], value: object, field: str) -> None:
    """Ask a rule about the value of a field.

    Raises:
        Invalid: what the rule says, for this field.
    """
    try:
        rule(value)
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from None
