"""The table of permissions in the documentation is the one that holds."""

from hosting.teams.roles import Permission, Role
from hosting.web.wording.roles import ROLE_WORDS
from tests import permissions


def test_the_document_is_what_the_code_says() -> None:
    assert permissions.DOCUMENT.read_text(encoding="utf-8") == permissions.document(), "make docs"


def test_every_permission_and_every_role_has_words() -> None:
    assert permissions.WHAT.keys() == set(Permission)
    assert ROLE_WORDS.keys() == set(Role)
