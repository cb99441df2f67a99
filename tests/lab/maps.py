# SPDX-License-Identifier: GPL-2.0-or-later
"""What pinned maps hold, as bytes: bpftool needs seconds for the large ones."""
import ctypes
import mmap
import os

LIBBPF = ctypes.CDLL("libbpf.so.1", use_errno=True)


def _info(fd):
    """(key size, value size, most entries) of a map."""
    fields = {}
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as f:
        for line in f:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    return tuple(int(fields[name]) for name in ("key_size", "value_size", "max_entries"))


def content(path):
    """Of a pinned map {key: value}; of an array that can be mapped its bytes."""
    fd = LIBBPF.bpf_obj_get(path.encode())
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)
    try:
        key_size, value_size, n = _info(fd)
        try:
            with mmap.mmap(fd, -(-value_size * n // mmap.PAGESIZE) * mmap.PAGESIZE, prot=mmap.PROT_READ) as m:
                return m[:]
        except OSError:
            pass  # it can't be
        key, following, value = (ctypes.create_string_buffer(n) for n in (key_size, key_size, value_size))
        found, at = {}, None
        while LIBBPF.bpf_map_get_next_key(fd, at, following) == 0:
            ctypes.memmove(key, following, key_size)
            at = key
            if LIBBPF.bpf_map_lookup_elem(fd, key, value) == 0:
                found[key.raw] = value.raw
        return found
    finally:
        os.close(fd)
