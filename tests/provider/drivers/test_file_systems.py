"""File systems on new volumes, made by the tools of this machine."""

import pytest

from hosting.provider.drivers.base import CannotDo
from hosting.provider.drivers.libvirt import file_systems


@pytest.mark.parametrize("label", ["data", "my data disk", "-x", "données-été-2026", "日本語のディスク", "$(reboot)"])
def test_every_name_of_a_disk_has_a_label(label: str) -> None:
    offered = file_systems.offered()
    assert "ext3" in offered
    for name in offered:
        with file_systems.made(name, 1024, label) as file:
            assert file.seek(file_systems.KNOWN[name].superblock) == file_systems.KNOWN[name].superblock
            assert any(file.read(file_systems.BLOCK))


def test_label_is_cut_between_characters() -> None:
    assert file_systems.short_label("données-été-2026") == "données-ét"
    assert file_systems.short_label("a" * 20) == "a" * 12


def test_file_system_without_its_tools_is_refused_in_words() -> None:
    with pytest.raises(CannotDo, match="not available"), file_systems.made("ntfs", 1024, "data"):
        pass
