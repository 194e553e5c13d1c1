"""The specification's samples do the same with real guests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import Member
from tests.contract.test_samples import test_every_sample_runs, test_the_login_sample_opens_a_safe_session
from tests.hypervisor.hypervisor import Hypervisor
from tests.hypervisor.world import LIMIT_S, running_world
from tests.processes import Provider

__all__ = ["test_every_sample_runs", "test_the_login_sample_opens_a_safe_session"]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Member, "limit_s", LIMIT_S)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory, hypervisor: Hypervisor, guest_image: Path) -> Iterator[Provider]:
    with running_world(tmp_path_factory.mktemp("samples"), hypervisor, guest_image) as world:
        yield world.provider
        for name in world.guests():
            world.hypervisor.virsh("destroy", name)
            world.virsh("undefine", name)
        for name in world.hypervisor.files():
            world.virsh("vol-delete", name, "default")
