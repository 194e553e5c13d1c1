"""Changes of a server that only some providers offer: extensions of the API (docs/extensions.md)."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from hosting.api import IP_REVERSE, VM_REINSTALL, VM_RENAME, Client, OperationDetails
from hosting.inventory.reading import NO_ACCOUNT_DATA
from hosting.operations.kinds import rules
from hosting.operations.kinds.base import Kind
from hosting.teams.roles import Permission


@dataclass(frozen=True)
class _OnServer(Kind):
    permission = Permission.OPERATE
    changes = NO_ACCOUNT_DATA

    vm_id: int

    @property
    def target(self) -> str:
        return f"vm:{self.vm_id}"


@dataclass(frozen=True)
class RenameVm(_OnServer):
    method = VM_RENAME
    title = _("Rename server")
    rules = {"hostname": rules.hostname}

    hostname: str

    def send(self, client: Client, secret: str) -> int:
        return client.vm_rename(self.vm_id, self.hostname)


@dataclass(frozen=True)
class ReinstallVm(_OnServer):
    """It deletes what is on the system disk. The new root password is the secret, as that of `CreateVm`."""

    method = VM_REINSTALL
    title = _("Reinstall server")
    permission = Permission.DELETE
    secret_rules = {"password": rules.password}
    rules = {"os_id": rules.identifier}

    os_id: int

    def send(self, client: Client, secret: str) -> int:
        return client.vm_reinstall(self.vm_id, self.os_id, secret)


@dataclass(frozen=True)
class NameAddress(_OnServer):
    """An empty name is the provider's default again."""

    method = IP_REVERSE
    title = _("Change reverse name")
    rules = {"ip_id": rules.identifier, "name": rules.reverse_name}

    ip_id: int
    name: str

    def fits(self, details: OperationDetails) -> bool:
        """An empty name is one, too: it is not a name that the provider did not tell."""
        return super().fits(details) and str(details.params.get("name", "")) == self.name

    def send(self, client: Client, secret: str) -> int:
        return client.ip_reverse(self.ip_id, self.name)
