"""What an API token may do, in words."""

from django.utils.translation import gettext as _

from hosting.teams.tokens.models import ApiToken
from hosting.web.wording.permissions import TOKEN_PERMISSIONS
from hosting.web.wording.registry import register


@register.filter
def token_permissions(token: ApiToken) -> str:
    """ "See, operate, delete" """
    held = token.held()
    return ", ".join(
        [
            _("Read"),
            *(str(title).lower() for permission, (title, _text) in TOKEN_PERMISSIONS.items() if permission in held),
        ]
    )
