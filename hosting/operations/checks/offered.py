"""Which kinds of operation an account's endpoint offers: those of version 1, and the extensions that it lists."""

from django.utils.translation import gettext as _

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.api import EXTENSIONS
from hosting.operations.kinds.base import Kind
from hosting.operations.models.rejection import WrongState


def is_offered(kind: Kind | type[Kind], account: Account) -> bool:
    return kind.method not in EXTENSIONS or extensions.has(account.endpoint, kind.method)


def require(kind: Kind, account: Account) -> None:
    """Raises WrongState when the endpoint does not offer this kind of operation."""
    if not is_offered(kind, account):
        raise WrongState(_("This provider doesn't offer that. Nothing was sent."))
