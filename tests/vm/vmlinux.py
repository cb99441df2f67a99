#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes the ELF kernel out of a bzImage, so that no emulated CPU has to: a boot is seconds shorter.

usage: vmlinux.py BZIMAGE VMLINUX. The header is described in Documentation/arch/x86/boot.rst.
"""
import struct
import subprocess
import sys

SECTOR = 512
SETUP_SECTS, BOOT_FLAG, PAYLOAD = 0x1f1, 0x1fe, 0x248  # PAYLOAD: offset and length, 32 bits each
UNPACK = {
    b"\x1f\x8b": ["gzip", "-dc"],
    b"\x28\xb5\x2f\xfd": ["zstd", "-dcq"],
    b"\x02\x21\x4c\x18": ["lz4", "-dcq"],
    b"\xfd7zXZ": ["xz", "-dc"],
}


def main(image, out):
    """Unpacks the payload."""
    with open(image, "rb") as f:
        data = f.read()
    if data[BOOT_FLAG:BOOT_FLAG + 2] != b"\x55\xaa":
        sys.exit(f"{image}: not a bzImage")
    start = ((data[SETUP_SECTS] or 4) + 1) * SECTOR
    offset, length = struct.unpack_from("<II", data, PAYLOAD)
    payload = data[start + offset:start + offset + length]
    command = next((c for magic, c in UNPACK.items() if payload.startswith(magic)), None)
    if not command:
        sys.exit(f"{image}: packed in a way that is not known: {payload[:6].hex()}")
    # What follows the stream (its length) makes the unpackers complain after their work is done.
    elf = subprocess.run(command, input=payload, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, check=False).stdout
    if not elf.startswith(b"\x7fELF"):
        sys.exit(f"{image}: {command[0]} did not unpack an ELF file")
    with open(out, "wb") as f:
        f.write(elf)


if __name__ == "__main__":
    main(*sys.argv[1:])
