"""The URLs of the panel in one place, so that tests cover each of them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import URLPattern, reverse

from hosting.accounts.models import Account, Endpoint
from hosting.api import EXTENSIONS, FIRST_BOOT
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from hosting.web.urls import of_account, of_team
from tests import factories
from tests.web.access.access_matrix import ACCESS, Who

# Addresses that only take a POST.
POST_ONLY = {name for name, access in ACCESS.items() if access.get is Who.NO_METHOD}


def without_isolation(html: str) -> str:
    """A page without the elements that only isolate names from the words beside them."""
    return re.sub("</?bdi>", "", html)


@dataclass(frozen=True)
class Page:
    name: str
    url: str

    @property
    def posts(self) -> bool:
        return self.name in POST_ONLY


# Arguments of addresses that belong to no account and no team.
_ARGUMENTS: dict[str, dict[str, object]] = {
    "account_confirm_email": {"key": "none"},
    "account_reset_password_from_key": {"uidb36": "1", "key": "none"},
    "invitation": {"token": "none"},
    "mfa_edit_webauthn": {"pk": 1},
    "my_ssh_key_remove": {"key_id": 1},
    "mfa_remove_webauthn": {"pk": 1},
    "session_end": {"session_id": 1},
}


def every_other_page(names: Iterable[str]) -> list[Page]:
    """One URL for each of these names, which belong to no account and no team."""
    return [Page(name, reverse(name, kwargs=_ARGUMENTS.get(name))) for name in names]


def names() -> list[str]:
    return [str(pattern.name) for pattern in [*of_account, *of_team] if isinstance(pattern, URLPattern)]


def every_page(account: Account, by: Membership) -> list[Page]:
    """One URL for each pattern of an account and of its team, with objects that exist.

    The endpoint of the account has all extensions from now on, and so all pages.
    """
    Endpoint.objects.filter(pk=account.endpoint_id).update(extensions=[*EXTENSIONS, *FIRST_BOOT])
    account.endpoint.refresh_from_db()
    factories.os_image(account, remote_id=3)
    vm = factories.vm(account, "web-1")
    disk = factories.disk(account, on=vm)
    product = factories.product(account)
    operation = factories.operation(account, by=by, state="failed", target=f"vm:{vm.remote_id}")
    plan = factories.plan(account, by=by)
    bulk = factories.bulk(account, by=by)
    free = factories.disk(account, name="free")
    tag = factories.tag(account.team)
    view = factories.saved_view(by)
    choices = {
        "servers_bulk": f"?action=stop&ids={vm.remote_id}",
        "disks_bulk": f"?action=delete&ids={free.remote_id}",
        "shares_bulk": f"?action=renew&ids={product.remote_id}",
        "shares_estimate": f"?for=renew&product={product.remote_id}",
        "servers_tags": f"?ids={vm.remote_id}",
        "disks_tags": f"?ids={disk.remote_id}",
        "view_save": "?state=halted",
    }
    found = []
    for pattern in of_account:
        route = str(pattern.pattern)
        arguments: dict[str, object] = {"account_id": account.pk}
        if "remote_id" in route:
            of_type = {"servers": vm, "disks": disk, "shares": product, "operations": vm}[
                route.split("/", maxsplit=1)[0]
            ]
            arguments["remote_id"] = of_type.remote_id
        if "ip_id" in route:
            arguments["ip_id"] = vm.ifaces[0]["ips"][0]["id"]
        if "operation_id" in route:
            arguments["operation_id"] = operation.pk
        if "plan_id" in route:
            arguments["plan_id"] = plan.pk
        if "bulk_id" in route:
            arguments["bulk_id"] = bulk.pk
        if "tag_id" in route:
            arguments["tag_id"] = tag.pk
        if "view_id" in route:
            arguments["view_id"] = view.pk
        if "section" in route:
            arguments["section"] = "servers"
        name = str(pattern.name)
        found.append(Page(name, reverse(name, kwargs=arguments) + choices.get(name, "")))
    known = {
        "team_id": account.team_id,
        "member_id": factories.member(Role.VIEWER, of=account.team).pk,
        "invitation_id": factories.invitation(account.team, by=by).pk,
        "token_id": factories.token(by).pk,
        "key_id": factories.ssh_key(account.team, by=by.user).pk,
    }
    for pattern in of_team:
        name = str(pattern.name)
        wanted = ["team_id", *re.findall(r":(\w+)>", str(pattern.pattern))]
        found.append(Page(name, reverse(name, kwargs={argument: known[argument] for argument in wanted})))
    return found
