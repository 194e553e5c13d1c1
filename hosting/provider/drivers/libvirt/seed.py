"""The NoCloud seed: the CD-ROM from which a guest learns its name, its addresses, its keys and, once, its password and
what its owner wants to have run.

Cloud images read it with cloud-init. The small image reads it too, and understands one value a line.
"""

import json
import os
import subprocess
from contextlib import ExitStack

from hosting.provider.drivers.base import NicSpec, VmSpec
from hosting.provider.drivers.libvirt import user_data

# All seeds have one size, so that one can be replaced in place.
SIZE = 512 * 1024


def password_hash(password: str) -> str:
    """The password as /etc/shadow keeps it (SHA-512)."""
    done = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=password.encode(), capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def build(vm: VmSpec, hashed: str = "") -> bytes:
    """The image of the CD-ROM, with the files of `texts`."""
    files = texts(vm, hashed)
    with ExitStack() as stack:
        arguments, descriptors = [], []
        for name, text in files.items():
            # In memory only: nothing can leave a hash behind on this machine's disk.
            descriptor = os.memfd_create(name)
            stack.callback(os.close, descriptor)
            os.write(descriptor, text.encode())
            descriptors.append(descriptor)
            arguments.append(f"{name}=/proc/self/fd/{descriptor}")
        made = subprocess.run(
            ["genisoimage", "-quiet", "-f", "-no-pad", "-V", "cidata", "-J", "-r", "-graft-points", *arguments],
            pass_fds=descriptors,
            capture_output=True,
            check=True,
        )
    return made.stdout.ljust(SIZE, b"\0")


def texts(vm: VmSpec, hashed: str = "") -> dict[str, str]:
    """The files by name. With a hash, they are those of the first boot, and hold what its owner gave for it.

    Without one they hold no secret: the guest keeps the passwords that it has.
    """
    ours = cloud_config(vm, hashed)
    whole = user_data.combined(ours, vm.user_data) if hashed and vm.user_data else ours
    files = {"user-data": whole, "meta-data": meta_data(vm)}
    if vm.nic is not None:
        files["network-config"] = network_config(vm.nic)
    return files


def meta_data(vm: VmSpec) -> str:
    """The instance is the guest's until it is installed anew, so that passwords and keys are set once."""
    instance = f"vm-{vm.uuid}{f'-{vm.generation}' if vm.generation else ''}"
    return f"instance-id: {_quoted(instance)}\nlocal-hostname: {_quoted(vm.hostname)}\n"


def cloud_config(vm: VmSpec, hashed: str) -> str:
    users = ["root", *([vm.login] if vm.login else [])]
    lines = [
        "#cloud-config",
        f"hostname: {_quoted(vm.hostname.partition('.')[0])}",
        f"fqdn: {_quoted(vm.hostname)}",
        "prefer_fqdn_over_hostname: true",
        "manage_etc_hosts: true",
        "ssh_pwauth: true",
        "disable_root: false",
        "users:",
    ]
    for user in users:
        lines += [f"  - name: {_quoted(user)}", "    lock_passwd: false"]
        if user != "root":
            lines += ['    shell: "/bin/bash"', '    sudo: "ALL=(ALL) NOPASSWD:ALL"']
        if vm.ssh_keys:
            lines += ["    ssh_authorized_keys:", *(f"      - {_quoted(key)}" for key in vm.ssh_keys)]
    if hashed:
        lines += ["chpasswd:", "  expire: false", "  users:"]
        lines += [f"    - {{name: {_quoted(user)}, password: {_quoted(hashed)}, type: hash}}" for user in users]
    lines += [
        "runcmd:",
        "  - sed -i 's/^#*PermitRootLogin.*/PermitRootLogin yes/' /etc/ssh/sshd_config",
        "  - systemctl reload ssh || systemctl reload sshd",
    ]
    return "\n".join(lines) + "\n"


def network_config(nic: NicSpec) -> str:
    lines = [
        "version: 2",
        "ethernets:",
        "  nic0:",
        "    match:",
        f"      macaddress: {_quoted(nic.mac)}",
        "    addresses:",
        f"      - {_quoted(f'{nic.ipv4}/{nic.prefix4}')}",
        f"      - {_quoted(f'{nic.ipv6}/{nic.prefix6}')}",
    ]
    routes = [("0.0.0.0/0", nic.gateway4), ("::/0", nic.gateway6)]
    if any(gateway for _to, gateway in routes):
        lines.append("    routes:")
    for to, gateway in routes:
        if gateway:
            lines += [f"      - to: {_quoted(to)}", f"        via: {_quoted(gateway)}"]
    if nic.dns:
        lines += ["    nameservers:", "      addresses:", *(f"        - {_quoted(each)}" for each in nic.dns)]
    return "\n".join(lines) + "\n"


def _quoted(value: str) -> str:
    """A string as YAML has it: JSON's are among them."""
    return json.dumps(value)
