"""Files that stand for copies of pretended disks: whole, empty qcow2 images, which an image service takes."""

import contextlib
import os
import struct
import tempfile

CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS
SPAN = CLUSTER // 8 * CLUSTER  # bytes of disk for each entry of the first table
GIB = 1 << 30


def path_of(folder: str | None, guest_id: str) -> str:
    """Where the copy of the guest's disk stands, in the folder of its host if that has one."""
    return os.path.join(folder or tempfile.gettempdir(), f'{guest_id}.qcow2')


def write(path: str, size_gb: int) -> None:
    """The file is an empty disk of that size."""
    drop(path)
    with open(path, 'xb') as file:
        file.write(_empty(max(1, size_gb) * GIB))


def drop(path: str) -> None:
    """The file is gone."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _empty(size: int) -> bytes:
    """A qcow2 image in four clusters: header, the two levels of reference counts, and the first table of clusters."""
    header = struct.pack(
        '>4sIQIIQIIQQIIQ', b'QFI\xfb', 2, 0, 0, CLUSTER_BITS, size, 0, -(-size // SPAN), 3 * CLUSTER, CLUSTER, 1, 0, 0
    )
    clusters = (header, struct.pack('>Q', 2 * CLUSTER), struct.pack('>4H', 1, 1, 1, 1), b'')
    return b''.join(cluster.ljust(CLUSTER, b'\0') for cluster in clusters)
