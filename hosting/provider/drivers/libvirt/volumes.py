"""Volumes in a host's pool: disks, images and seeds. Everything goes through libvirt, so the host may be elsewhere."""

import os
from typing import IO
from xml.sax.saxutils import escape

import libvirt

from hosting.provider.drivers.base import CannotDo, DiskSpec, HostRef, ImageRef
from hosting.provider.drivers.libvirt import file_systems, names

BLOCK = file_systems.BLOCK
IMAGE_MISSING = "The image of this operating system is missing on the host. Please tell our support."
VOLUME_LOST = "The host does not find the content of this disk. Please tell our support."


def pool_of(connected: libvirt.virConnect, host: HostRef) -> libvirt.virStoragePool:
    pool = connected.storagePoolLookupByName(host.pool)
    if not pool.isActive():
        pool.create()
    return pool


def find(pool: libvirt.virStoragePool, name: str) -> libvirt.virStorageVol | None:
    try:
        return pool.storageVolLookupByName(name)
    except libvirt.libvirtError as error:
        if error.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise


def delete(connected: libvirt.virConnect, host: HostRef, name: str) -> None:
    """Delete a volume. Nothing happens when there is none."""
    volume = find(pool_of(connected, host), name)
    if volume is not None:
        volume.delete()


def ensure_disk(connected: libvirt.virConnect, host: HostRef, disk: DiskSpec) -> None:
    """Make the volume of a disk, unless it is there: an overlay of its image, or an empty file system.

    Raises:
        CannotDo: when its image is missing, or when the volume was made before and is lost.
    """
    pool = pool_of(connected, host)
    volume = find(pool, names.volume(host, disk))
    if volume is not None and (disk.made or _is_whole(connected, volume, disk)):
        return
    if disk.made:
        raise CannotDo(VOLUME_LOST)
    if disk.kind == "system" and disk.image is None:
        raise CannotDo(IMAGE_MISSING)
    if volume is not None:  # its making was interrupted
        volume.delete()
    if disk.image is not None:
        _make_overlay(pool, host, disk, disk.image)
    else:
        _make_data(connected, pool, host, disk)


def _make_overlay(pool: libvirt.virStoragePool, host: HostRef, disk: DiskSpec, image: ImageRef) -> None:
    file = find(pool, image.file)
    if file is None:
        raise CannotDo(IMAGE_MISSING)
    backing = f"<backingStore><path>{escape(file.path())}</path><format type='qcow2'/></backingStore>"
    size_mb = max(disk.size_mb, image.virtual_mb)
    pool.createXML(_volume_xml(names.volume(host, disk), size_mb << 20, "qcow2", backing))


def _make_data(connected: libvirt.virConnect, pool: libvirt.virStoragePool, host: HostRef, disk: DiskSpec) -> None:
    with file_systems.made(disk.fstype, disk.size_mb, disk.label) as file:
        volume = pool.createXML(_volume_xml(names.volume(host, disk), disk.size_mb << 20, "raw"))
        _send_file(connected, volume, file, file_systems.KNOWN[disk.fstype].superblock)


def _is_whole(connected: libvirt.virConnect, volume: libvirt.virStorageVol, disk: DiskSpec) -> bool:
    if disk.image is not None:
        return "<backingStore>" in volume.XMLDesc()
    return _has_block(connected, volume, file_systems.KNOWN[disk.fstype].superblock)


def write(connected: libvirt.virConnect, host: HostRef, name: str, content: bytes) -> None:
    """Write a small volume that only root and its guest can read, in place when it is there with that size."""
    pool = pool_of(connected, host)
    volume = find(pool, name) or pool.createXML(_volume_xml(name, len(content), "raw"))
    _send(connected, volume, content)


def ensure_image(connected: libvirt.virConnect, host: HostRef, name: str, file: IO[bytes]) -> None:
    """Copy an image into the pool, unless it is there whole: images are named by what is in them."""
    pool = pool_of(connected, host)
    volume = find(pool, name)
    if volume is not None and _has_block(connected, volume, 0):
        return
    if volume is not None:
        volume.delete()
    volume = pool.createXML(_volume_xml(name, os.fstat(file.fileno()).st_size, "raw"))
    _send_file(connected, volume, file, 0)
    pool.refresh()  # libvirt looks at what it holds


def _volume_xml(name: str, size: int, kind: str, backing: str = "") -> str:
    return (
        f"<volume><name>{escape(name)}</name><capacity unit='bytes'>{size}</capacity><allocation>0</allocation>"
        f"<target><format type='{kind}'/><permissions><mode>0600</mode></permissions></target>{backing}</volume>"
    )


def _send(connected: libvirt.virConnect, volume: libvirt.virStorageVol, content: bytes, offset: int = 0) -> None:
    stream = connected.newStream()
    volume.upload(stream, offset, len(content))
    left = [content]

    def take(_stream: libvirt.virStream, length: int, _opaque: None) -> bytes:
        piece, left[0] = left[0][:length], left[0][length:]
        return piece

    stream.sendAll(take, None)
    stream.finish()


def _receive(connected: libvirt.virConnect, volume: libvirt.virStorageVol, offset: int, length: int) -> bytes:
    stream = connected.newStream()
    volume.download(stream, offset, length)
    pieces: list[bytes] = []
    stream.recvAll(lambda _stream, piece, _opaque: pieces.append(piece), None)
    stream.finish()
    return b"".join(pieces)


def _has_block(connected: libvirt.virConnect, volume: libvirt.virStorageVol, offset: int) -> bool:
    """Whether `_send_file` ended: the block that it keeps for last is there."""
    return any(_receive(connected, volume, offset, BLOCK))


def _send_file(connected: libvirt.virConnect, volume: libvirt.virStorageVol, file: IO[bytes], last: int) -> None:
    """Send a file without its holes, and the block without which the rest means nothing at the very end."""
    _send_sparse(connected, volume, file.fileno(), leave_out=last)
    _send(connected, volume, os.pread(file.fileno(), BLOCK, last), last)


def _send_sparse(connected: libvirt.virConnect, volume: libvirt.virStorageVol, descriptor: int, leave_out: int) -> None:
    size = os.fstat(descriptor).st_size
    position = 0

    def section(_stream: libvirt.virStream, _opaque: None) -> tuple[bool, int]:
        """What begins here: whether it is data, and its length."""
        if position >= size:
            return False, 0
        if position == leave_out:
            return False, min(BLOCK, size - position)
        try:
            data = os.lseek(descriptor, position, os.SEEK_DATA)
        except OSError:  # nothing but a hole up to the end
            data = size
        end = os.lseek(descriptor, position, os.SEEK_HOLE) if data == position else data
        if position < leave_out:
            end = min(end, leave_out)
        return data == position, end - position

    def take(_stream: libvirt.virStream, length: int, _opaque: None) -> bytes:
        nonlocal position
        piece = os.pread(descriptor, length, position)
        position += len(piece)
        return piece

    def skip(_stream: libvirt.virStream, length: int, _opaque: None) -> int:
        nonlocal position
        position += length
        return 0

    stream = connected.newStream()
    volume.upload(stream, 0, size, libvirt.VIR_STORAGE_VOL_UPLOAD_SPARSE_STREAM)
    try:
        stream.sparseSendAll(take, section, skip, None)
    except BaseException:
        stream.abort()
        raise
    stream.finish()
