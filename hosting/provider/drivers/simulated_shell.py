"""What runs in a simulated guest: it boots, asks for a login, and knows a few commands."""

import time
from collections.abc import Callable

from hosting.provider.drivers.base import VmSpec

_KERNEL = "6.1.0-simulated"
_BOOT = """\
[    0.000000] Linux version {kernel} (simulated) x86_64
[    0.000000] Command line: root=/dev/vda2 console=ttyS0,115200
[    0.104217] smp: Brought up 1 node, {cores} CPU{s}
[    0.251834] Memory: {memory}K available
[    0.873120] virtio_blk virtio0: [vda] {sectors} 512-byte logical blocks
[    1.240773] EXT4-fs (vda2): mounted filesystem with ordered data mode
[    1.902551] systemd[1]: Hostname set to <{name}>.
[    2.511046] systemd[1]: Reached target multi-user.target."""
_HELP = """\
clear  df -h  echo TEXT  exit  free -m  halt  help  hostname
ip addr  logout  poweroff  reboot  uname -a  uptime"""


class Shell:
    """The first program of a guest, and the only one. `power_off` ends the guest."""

    def __init__(self, vm: VmSpec, show: Callable[[str], None], power_off: Callable[[], None]) -> None:
        self._vm = vm
        self._write = show
        self._power_off = power_off
        self._user = ""
        self._is_logged_in = False
        self._booted = time.monotonic()
        self.is_secret = False

    def show(self, text: str) -> None:
        self._write(text)

    def boot(self) -> None:
        self._booted = time.monotonic()
        cores, sectors = self._vm.cores, self._vm.disks[0].size_mb * 2048 if self._vm.disks else 0
        log = _BOOT.format(
            kernel=_KERNEL,
            cores=cores,
            s="" if cores == 1 else "s",
            memory=self._vm.memory_mb * 1024,
            sectors=sectors,
            name=self._vm.hostname,
        )
        self._print(log)
        self._ask_for_login()

    # What the terminal tells.

    def entered(self, line: str) -> None:
        if self._is_logged_in:
            self._execute(line.strip())
        elif self.is_secret:
            self._log_in()
        elif line.strip():
            self._user, self.is_secret = line.strip(), True
            self.show("Password: ")
        else:
            self._ask_for_login()

    def interrupted(self) -> None:
        if self._is_logged_in:
            self._prompt()
        else:
            self._ask_for_login()

    def ended(self) -> None:
        if self._is_logged_in:
            self._print("logout")
        self._ask_for_login()

    # Logging in.

    def _ask_for_login(self) -> None:
        self._user, self.is_secret, self._is_logged_in = "", False, False
        self.show(f"\r\n{self._vm.hostname} login: ")

    def _log_in(self) -> None:
        self.is_secret = False
        if self._user not in {"root", self._vm.login} or not self._user:
            self._print("\nLogin incorrect")
            self._ask_for_login()
            return
        self._is_logged_in = True
        self._print("\nThis server is simulated: it takes every password. Type help for its commands.")
        self._prompt()

    def _prompt(self) -> None:
        name = self._vm.hostname.partition(".")[0]
        self.show(f"{self._user}@{name}:~{'#' if self._user == 'root' else '$'} ")

    def _print(self, text: str) -> None:
        self.show(text.replace("\n", "\r\n") + "\r\n")

    # Commands.

    def _execute(self, line: str) -> None:
        name, _, rest = line.partition(" ")
        if name in {"poweroff", "halt", "reboot"}:
            self._print(f"systemd[1]: Reached target {name}.target.")
            if name == "reboot":
                self.boot()
            else:
                self._print(f"[{self._up_s:12.6f}] reboot: Power down")
                self._power_off()
            return
        if name in {"exit", "logout"}:
            self.ended()
            return
        if name == "clear":
            self.show("\x1b[H\x1b[2J")
        elif name:
            self._print(self._answer(name, rest.strip()))
        self._prompt()

    def _answer(self, name: str, rest: str) -> str:
        match name:
            case "help":
                return _HELP
            case "echo":
                return rest
            case "hostname":
                return self._vm.hostname
            case "uname":
                host = self._vm.hostname.partition(".")[0]
                return f"Linux {host} {_KERNEL} #1 SMP x86_64 GNU/Linux" if rest == "-a" else "Linux"
            case "uptime":
                minutes, hours = int(self._up_s) // 60, int(self._up_s) // 3600
                return f" up {hours}:{minutes % 60:02},  1 user,  load average: 0.00, 0.00, 0.00"
            case "free":
                return self._free()
            case "df":
                return self._df()
            case "ip":
                return self._ip()
        return f"-bash: {name}: command not found"

    @property
    def _up_s(self) -> float:
        return time.monotonic() - self._booted

    def _free(self) -> str:
        total = self._vm.memory_mb
        used = min(total, 48)
        return f"{'':8}{'total':>10}{'used':>10}{'free':>10}\n{'Mem:':8}{total:>10}{used:>10}{total - used:>10}"

    def _df(self) -> str:
        lines = [f"{'Filesystem':16}{'Size':>8}{'Used':>8}{'Avail':>8}{'Use%':>6} Mounted on"]
        for disk in self._vm.disks:
            device = "/dev/vda2" if disk.position == 0 else f"disk-{disk.id}"
            place = "/" if disk.position == 0 else f"/srv/{disk.label}"
            used = min(disk.size_mb, 420 if disk.position == 0 else 33)
            sizes = f"{disk.size_mb}M", f"{used}M", f"{disk.size_mb - used}M", f"{100 * used // disk.size_mb}%"
            lines.append(f"{device:16}{sizes[0]:>8}{sizes[1]:>8}{sizes[2]:>8}{sizes[3]:>6} {place}")
        return "\n".join(lines)

    def _ip(self) -> str:
        lines = ["1: lo: <LOOPBACK,UP>", "    inet 127.0.0.1/8 scope host lo", "    inet6 ::1/128 scope host"]
        if nic := self._vm.nic:
            lines += [
                "2: eth0: <BROADCAST,MULTICAST,UP>",
                f"    link/ether {nic.mac}",
                f"    inet {nic.ipv4}/{nic.prefix4} scope global eth0",
                f"    inet6 {nic.ipv6}/{nic.prefix6} scope global",
            ]
        return "\n".join(lines)
