"""A simulated guest at its console: it boots, takes a login, and does what one types."""

import time
from collections.abc import Iterator

import pytest

from tests.contract.conftest import Member
from tests.provider.console.watching import Watcher, watch


@pytest.fixture
def shell(owner: Member, vm: int) -> Iterator[Watcher]:
    with watch(owner, vm) as viewer:
        viewer.log_in()
        yield viewer


def test_boot_log_and_login_prompt_name_the_server(owner: Member) -> None:
    vm_id = owner.new_vm(hostname="db1.example.net")
    with watch(owner, vm_id) as viewer:
        shown = viewer.until("db1.example.net login: ")
        assert "Linux version" in shown
        assert "Hostname set to <db1.example.net>" in shown
        viewer.type("admin\rany-pass\r")
        assert "simulated" in viewer.until("admin@db1:~$ ")
        viewer.type("exit\r")
        viewer.until("login: ")
        viewer.type("nobody\rany-pass\r")
        viewer.until("Login incorrect")


def test_password_is_not_shown(owner: Member, vm: int) -> None:
    with watch(owner, vm) as viewer:
        viewer.until("login: ")
        viewer.type("root\rhidden-pass\r")
        assert "hidden" not in viewer.until("# ")


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("hostname", "web1"),
        ("uname -a", "Linux web1 6.1.0-simulated #1 SMP x86_64 GNU/Linux"),
        ("echo Grüße, 世界", "Grüße, 世界"),
        ("nothing", "-bash: nothing: command not found"),
        ("", ""),
    ],
)
def test_commands_answer(shell: Watcher, command: str, answer: str) -> None:
    assert shell.run(command) == answer


def test_figures_are_those_of_the_server(owner: Member, vm: int, shell: Watcher) -> None:
    told = owner.vm_info(vm)
    addresses = [ip["ip"] for ip in told["ifaces"][0]["ips"]]
    shown = shell.run("ip addr")
    assert len(addresses) == 2
    for address in addresses:
        assert f" {address}/" in shown
    assert str(told["memory"]) in shell.run("free -m")
    assert f"{owner.disk_info(owner.vm_disk_list(vm)[0])['size']}M" in shell.run("df -h")
    assert "load average" in shell.run("uptime")
    assert "poweroff" in shell.run("help")


def test_lines_are_edited_as_in_a_terminal(shell: Watcher) -> None:
    shell.type("echo ab\x7f\x7fc\x08d\r")
    assert "\r\nd\r\n" in shell.until("# ")
    shell.type("forget this\x15hostname\r")
    assert "\r\nweb1\r\n" in shell.until("# ")
    # Arrow keys and the like change nothing.
    shell.type("echo \x1b[A\x1b[1;5Cx\x1bOP\r")
    assert "\r\nx\r\n" in shell.until("# ")
    # An erased line stays within its beginning.
    shell.type("ab" + "\x7f" * 10 + "echo y\r")
    assert "\r\ny\r\n" in shell.until("# ")
    shell.type("half a line\x03")
    assert shell.until("# ").endswith("^C\r\nroot@web1:~# ")
    shell.type("\x04")
    assert "logout" in shell.until("login: ")


def test_characters_may_come_in_pieces(shell: Watcher) -> None:
    shell.type("echo ")
    for byte in "ü".encode():
        shell.connection.send(bytes([byte]))
    shell.type("\r\n")
    assert shell.until("# ").count("ü") == 2


def test_reboot_boots_anew_and_stays_connected(shell: Watcher) -> None:
    shell.type("reboot\r")
    assert "Linux version" in shell.until("login: ")


@pytest.mark.parametrize("command", ["poweroff", "halt"])
def test_poweroff_halts_the_server_and_closes_the_console(owner: Member, vm: int, shell: Watcher, command: str) -> None:
    shell.type(f"{command}\r")
    assert shell.closed() == (4410, "the server stopped")
    assert b"Power down" in shell.seen
    deadline = time.monotonic() + 15
    while owner.vm_info(vm)["state"] != "halted":
        assert time.monotonic() < deadline
        time.sleep(0.2)
