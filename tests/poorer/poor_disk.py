"""A file system that can do little, served by this process through FUSE: no exchange, no rename that never replaces, no attributes.

``python poor_disk.py BACKING MOUNTPOINT [nolinks]``, as root: serves what lies in ``BACKING`` until it is unmounted, and says ``mounted``
when it can be used. All access must go through the mount point. Speaks the kernel's protocol itself, so that nothing is installed for
it; a request it does not know is answered ENOSYS, as a simple file system does. Knows nothing of the guard.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat as modes
import struct
import sys
from collections.abc import Callable, Iterator

_HEADER = struct.Struct("<IIQQIIII")
_KEEP_CACHE = 2
_ATOMIC_TRUNCATE, _BIG_WRITES = 1 << 3, 1 << 5
_BUFFER, _LARGEST_WRITE = 1 << 20, 1 << 17
_NOT_PASSED_ON = os.O_NOFOLLOW | os.O_DIRECT | os.O_APPEND | os.O_CREAT | os.O_EXCL

Answer = bytes | None
"""What a request is answered with; None: it is one that gets no answer."""


class PoorDisk:
    """The nodes are descriptors of the backing files, so that a rename changes nothing about them; node 1 is the root."""

    def __init__(self, backing: str, *, links: bool) -> None:
        self._nodes: dict[int, int] = {1: os.open(backing, os.O_PATH)}
        self._numbers: dict[tuple[int, int], int] = {}
        self._looked_up: dict[int, int] = {}
        self._last = 1
        self._folders: dict[int, list[tuple[str, int]]] = {}
        self._answers: dict[int, Callable[[int, bytes], Answer]] = {
            1: self._lookup, 2: self._forget, 3: self._getattr, 4: self._setattr, 5: self._readlink, 6: self._symlink, 8: self._mknod,
            9: self._mkdir, 10: self._unlink, 11: self._rmdir, 12: self._rename, 14: self._open, 15: self._read, 16: self._write,
            17: self._statfs, 18: self._release, 20: self._fsync, 25: self._nothing, 26: self._init, 27: self._opendir, 28: self._readdir,
            29: self._releasedir, 30: self._nothing, 35: self._create, 36: self._silence, 42: self._batch_forget,
        }  # fmt: skip
        if links:
            self._answers[13] = self._link

    def serve(self, device: int) -> None:
        """Answer until unmounted."""
        while True:
            try:
                request = os.read(device, _BUFFER)
            except OSError as error:
                if error.errno == errno.ENODEV:
                    return
                if error.errno in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                    continue  # whoever asked has been interrupted
                raise
            _, opcode, unique, node, *_ = _HEADER.unpack_from(request)
            number, answer = 0, b""
            try:
                found = self._answers[opcode](node, request[_HEADER.size :]) if opcode in self._answers else None
                if found is None and opcode in self._answers:
                    continue
                number, answer = (0, found) if found is not None else (errno.ENOSYS, b"")
            except OSError as error:
                number = error.errno or errno.EIO
            try:
                os.write(device, struct.pack("<IiQ", 16 + len(answer), -number, unique) + answer)
            except OSError as error:
                if error.errno != errno.ENOENT:  # interrupted meanwhile
                    raise

    # what a node is

    def _entry(self, parent: int, name: bytes) -> bytes:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self._nodes[parent])
        stat = os.fstat(fd)
        key = (stat.st_dev, stat.st_ino)
        number = self._numbers.get(key)
        if number is None:
            self._last += 1
            number = self._numbers[key] = self._last
            self._nodes[number] = fd
        else:
            os.close(fd)
        self._looked_up[number] = self._looked_up.get(number, 0) + 1
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + _attributes(stat)

    def _drop(self, node: int, times: int) -> None:
        self._looked_up[node] = self._looked_up.get(node, 0) - times
        if self._looked_up[node] <= 0 and node != 1:
            del self._looked_up[node]
            fd = self._nodes.pop(node)
            stat = os.fstat(fd)
            self._numbers.pop((stat.st_dev, stat.st_ino), None)
            os.close(fd)

    def _path(self, node: int) -> str:
        return f"/proc/self/fd/{self._nodes[node]}"

    # requests about names

    def _lookup(self, node: int, body: bytes) -> Answer:
        return self._entry(node, body[:-1])

    def _forget(self, node: int, body: bytes) -> Answer:
        self._drop(node, struct.unpack_from("<Q", body)[0])
        return None

    def _batch_forget(self, _node: int, body: bytes) -> Answer:
        for number, times in struct.iter_unpack("<QQ", body[8:]):
            self._drop(number, times)
        return None

    def _symlink(self, node: int, body: bytes) -> Answer:
        name, target, _ = body.split(b"\0")
        os.symlink(target, name, dir_fd=self._nodes[node])
        return self._entry(node, name)

    def _mknod(self, node: int, body: bytes) -> Answer:
        mode, device, umask, _ = struct.unpack_from("<IIII", body)
        os.mknod(body[16:-1], mode & ~umask, device, dir_fd=self._nodes[node])
        return self._entry(node, body[16:-1])

    def _mkdir(self, node: int, body: bytes) -> Answer:
        mode, umask = struct.unpack_from("<II", body)
        os.mkdir(body[8:-1], mode & ~umask, dir_fd=self._nodes[node])
        return self._entry(node, body[8:-1])

    def _unlink(self, node: int, body: bytes) -> Answer:
        os.unlink(body[:-1], dir_fd=self._nodes[node])
        return b""

    def _rmdir(self, node: int, body: bytes) -> Answer:
        os.rmdir(body[:-1], dir_fd=self._nodes[node])
        return b""

    def _rename(self, node: int, body: bytes) -> Answer:
        (to,) = struct.unpack_from("<Q", body)
        old, new, _ = body[8:].split(b"\0")
        os.rename(old, new, src_dir_fd=self._nodes[node], dst_dir_fd=self._nodes[to])
        return b""

    def _link(self, node: int, body: bytes) -> Answer:
        (old,) = struct.unpack_from("<Q", body)
        os.link(self._path(old), body[8:-1], dst_dir_fd=self._nodes[node], follow_symlinks=True)
        return self._entry(node, body[8:-1])

    def _create(self, node: int, body: bytes) -> Answer:
        flags, mode, umask, _ = struct.unpack_from("<IIII", body)
        name = body[16:-1]
        made = os.open(name, _passed_on(flags) | os.O_CREAT | (flags & os.O_EXCL), mode & ~umask & 0o7777, dir_fd=self._nodes[node])
        return self._entry(node, name) + struct.pack("<QII", made, _KEEP_CACHE, 0)

    # requests about files

    def _getattr(self, node: int, _body: bytes) -> Answer:
        return struct.pack("<QII", 0, 0, 0) + _attributes(os.fstat(self._nodes[node]))

    def _setattr(self, node: int, body: bytes) -> Answer:
        valid, _, _, size, _, atime, mtime, _, atime_ns, mtime_ns, _, mode, _, uid, gid = struct.unpack_from("<IIQQQQQQIIIIIII", body)
        path = self._path(node)
        if valid & 6:
            os.chown(path, uid if valid & 2 else -1, gid if valid & 4 else -1)
        if valid & 1:
            os.chmod(path, modes.S_IMODE(mode))
        if valid & 8:
            os.truncate(path, size)
        if valid & 0x30:
            _set_times(path, valid, atime * 10**9 + atime_ns, mtime * 10**9 + mtime_ns)
        return self._getattr(node, b"")

    def _readlink(self, node: int, _body: bytes) -> Answer:
        return os.readlink(b"", dir_fd=self._nodes[node])

    def _open(self, node: int, body: bytes) -> Answer:
        (flags,) = struct.unpack_from("<I", body)
        return struct.pack("<QII", os.open(self._path(node), _passed_on(flags)), _KEEP_CACHE, 0)

    def _read(self, _node: int, body: bytes) -> Answer:
        fd, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(fd, size, offset)

    def _write(self, _node: int, body: bytes) -> Answer:
        fd, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(fd, body[40 : 40 + size], offset), 0)

    def _fsync(self, _node: int, body: bytes) -> Answer:
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    def _release(self, _node: int, body: bytes) -> Answer:
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    # the rest

    def _init(self, _node: int, body: bytes) -> Answer:
        _, _, readahead, offered = struct.unpack_from("<IIII", body)
        flags = offered & (_ATOMIC_TRUNCATE | _BIG_WRITES)
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, readahead, flags, 12, 9, _LARGEST_WRITE, 1, 0, 0, 0)

    def _statfs(self, _node: int, _body: bytes) -> Answer:
        found = os.statvfs(self._path(1))
        sizes = (found.f_blocks, found.f_bfree, found.f_bavail, found.f_files, found.f_ffree)
        return struct.pack("<QQQQQIIII24x", *sizes, found.f_bsize, found.f_namemax, found.f_frsize, 0)

    def _opendir(self, node: int, _body: bytes) -> Answer:
        fd = os.open(self._path(node), os.O_RDONLY | os.O_DIRECTORY)
        self._folders[fd] = [(entry.name, entry.inode()) for entry in os.scandir(fd)]
        return struct.pack("<QII", fd, 0, 0)

    def _readdir(self, _node: int, body: bytes) -> Answer:
        fd, offset, size = struct.unpack_from("<QQI", body)
        answer = b""
        for row in _rows(self._folders[fd], offset):
            if len(answer) + len(row) > size:
                break
            answer += row
        return answer

    def _releasedir(self, node: int, body: bytes) -> Answer:
        self._folders.pop(struct.unpack_from("<Q", body)[0])
        return self._release(node, body)

    def _nothing(self, _node: int, _body: bytes) -> Answer:
        return b""

    def _silence(self, _node: int, _body: bytes) -> Answer:
        return None


def _rows(entries: list[tuple[str, int]], offset: int) -> Iterator[bytes]:
    for number, (name, inode) in enumerate(entries[offset:], offset + 1):
        raw = os.fsencode(name)
        yield struct.pack("<QQII", inode, number, len(raw), 0) + raw + b"\0" * (-len(raw) % 8)


def _passed_on(flags: int) -> int:
    """The kernel sees to appending and to who may; a file opened only for writing is read as well, for its page cache."""
    flags &= ~_NOT_PASSED_ON
    return (flags & ~os.O_ACCMODE | os.O_RDWR) if flags & os.O_ACCMODE == os.O_WRONLY else flags


def _attributes(stat: os.stat_result) -> bytes:
    times = [divmod(moment, 10**9) for moment in (stat.st_atime_ns, stat.st_mtime_ns, stat.st_ctime_ns)]
    return struct.pack(
        "<QQQQQQ10I", stat.st_ino, stat.st_size, stat.st_blocks, *(seconds for seconds, _ in times), *(rest for _, rest in times),
        stat.st_mode, stat.st_nlink, stat.st_uid, stat.st_gid, stat.st_rdev, stat.st_blksize, 0,
    )  # fmt: skip


def _set_times(path: str, valid: int, atime_ns: int, mtime_ns: int) -> None:
    now = os.stat(path)
    if valid & 0x180:
        os.utime(path)
    else:
        os.utime(path, ns=(atime_ns if valid & 0x10 else now.st_atime_ns, mtime_ns if valid & 0x20 else now.st_mtime_ns))


def _mounted(mountpoint: str) -> int:
    """The kernel's device, behind which the mount point stands; OSError where it cannot be had."""
    device = os.open("/dev/fuse", os.O_RDWR)
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other"
    if libc.mount(b"poor", os.fsencode(mountpoint), b"fuse", 6, options.encode()):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return device


if __name__ == "__main__":
    disk = PoorDisk(sys.argv[1], links="nolinks" not in sys.argv[3:])
    try:
        kernel = _mounted(sys.argv[2])
    except OSError as problem:
        print(f"no FUSE file system can be mounted here: {problem.strerror}", flush=True)
    else:
        print("mounted", flush=True)
        disk.serve(kernel)
