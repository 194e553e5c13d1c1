"""The JSON API. Its only endpoint says whether a token works, and what it allows."""

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from hosting.accounts.models import Account
from hosting.teams.roles import Permission
from hosting.teams.tokens.models import ApiToken
from hosting.web.access.api_tokens import TokenRequest, with_token


@require_safe
@with_token
def whoami(request: TokenRequest) -> HttpResponse:
    """The team, the token, and its current permissions and accounts."""
    member = request.member
    member.require(Permission.VIEW)
    token = ApiToken.objects.get(pk=member.via.token_id or 0)
    held = member.permissions()
    accounts = Account.objects.visible_to(member).order_by("label", "id").values("id", "label", "handle")
    return JsonResponse(
        {
            "team": {"id": member.team_id, "name": member.team.name},
            "person": None if member.person is None else str(member.person),
            "token": {"name": token.name, "prefix": token.prefix, "expires_at": token.expires_at.isoformat()},
            "permissions": [permission.value for permission in Permission if permission in held],
            "accounts": list(accounts),
        }
    )
