"""Tags and notes on pages: which types of object have them, and what lists and pages show."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.shortcuts import get_object_or_404

from hosting.accounts.models import Account
from hosting.annotations import notes, tags
from hosting.annotations.models import ObjectType, Tag
from hosting.inventory.models import Disk, Vm
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest


@dataclass(frozen=True)
class AnnotatedType:
    """A type of object that can have tags and notes: the name of its page, and its model in the mirror."""

    page: str
    object_type: ObjectType
    model: type[Vm] | type[Disk]

    def get(self, account: Account, remote_id: int) -> Any:
        return get_object_or_404(self.model, account=account, remote_id=remote_id)


ANNOTATED_TYPES = {
    "servers": AnnotatedType("server", ObjectType.VM, Vm),
    "disks": AnnotatedType("disk", ObjectType.DISK, Disk),
}


def in_list(
    request: AccountRequest, object_type: ObjectType, remote_ids: Iterable[int], team_tags: list[Tag]
) -> dict[str, object]:
    """The context of a list: the tags of each row, and whether the member may tag rows. One query at most."""
    return {
        "tags_on": tags.on_objects(request.account, object_type, remote_ids, team_tags),
        "may_tag": request.member.may(Permission.OPERATE),
    }


def on_page(account: Account, object_type: ObjectType, remote_id: int) -> dict[str, object]:
    """The tags and the note of one object, in two queries."""
    return {
        "tags": tags.of_object(account, object_type, remote_id),
        "note": notes.of_object(account, object_type, remote_id),
    }
