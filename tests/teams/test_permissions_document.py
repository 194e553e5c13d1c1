"""The permission table in the documentation matches the code."""

from hosting.teams.roles import Permission, Role
from hosting.web.wording.roles import ROLE_WORDS
from tests import permissions


def test_document_matches_the_code() -> None:
    assert permissions.DOCUMENT.read_text(encoding="utf-8") == permissions.document(), "make docs"


def test_every_permission_and_role_has_a_label() -> None:
    assert permissions.WHAT.keys() == set(Permission)
    assert ROLE_WORDS.keys() == set(Role)
