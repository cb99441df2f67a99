#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""seeds.py FOLDER - what fuzzing begins with: FOLDER/DECODER/NAME, one message of each kind, and what
fuzzing once found (regress/DECODER-WHAT.hex)."""
import glob
import os
import sys

# Messages as tests/fuzz/DECODER_fuzz.c takes them, in hexadecimal.
DOWN = "00 18 20 40 03 18 00 00 00 4d 00 00 00 00 00 0f 42 40 00 00 27 10 00 00 00 00"
POLL = "00 18 20 e0 03 18 00 00 00 4d 01 02 03 04 00 00 27 10 00 00 27 10 00 00 00 00"
FINAL = "00 18 20 d0 03 18 00 00 00 4d 01 02 03 04 00 00 27 10 00 00 27 10 00 00 00 00"
SEEDS = {
    # The seed of the jitter, then steps: 0 packet, 2 time in quarters of a millisecond, 3 new times.
    "bfd": {
        "up": f"01 {DOWN} {POLL} {FINAL} 02 00 20 {FINAL} 02 10 00",
        "times": f"02 {DOWN} {POLL} {FINAL} 03 40 02 05 {FINAL} 02 00 ff {POLL} 03 01 01 01",
        "long": "03 00 1e 20 44 05 1c 00 00 00 4d 00 00 00 00 00 0f 42 40 00 00 27 10 00 00 00 00 01 04 61 62 02 ff ff",
    },
    # Which daemon, and how long pieces are; then what it says, an answer a piece.
    "bgp": {
        "bird": "00 00" + (b"0001 BIRD 2.0.12 ready.\n0016 Access restricted\n2002-Name Proto\n1002-up4 BGP --- up 1 Established\n"
                           b" up5 BGP --- start 1 Active\n0000 \n8003 No protocols match\n9001 syntax error\n").hex(),
        "frr": "01 2d" + (b'{"192.0.2.1":{"bgpState":"Established"}}\n\0\0\0\0\n{"x":{"bgpState":"Idle","lastResetDueTo":"a"}}'
                          b'\0\0\0\0').hex(),
        "none": "01 22" + (b'{\n  "bgpNoSuchNeighbor":true\n}\n\0\0\0\1').hex(),
    },
    # Texts: keepalived.conf in small.
    "import": {
        "vrrp": ("$I=eth0\nvrrp_instance A {\n interface $I\n virtual_router_id 5\n @lb1 priority 10\n track_interface {\n"
                 " eth1 weight 3\n}\n virtual_ipaddress {\n 192.0.2.1/24 dev eth0\n}\n}\n").encode().hex(),
        "server": ("virtual_server 192.0.2.1 80 {\n lb_kind TUN type gue port 9\n lb_algo sh\n~SEQ(N,2,3) real_server 10.0.0.$N 80\n"
                   "sorry_server 10.0.0.9 80\n}\nvirtual_server_group G {\n 192.0.2.1-9 80\n}\n").encode().hex(),
        "checker": ("virtual_server group G {\n real_server ::1 80 {\n HTTP_GET {\n url {\n path /\n regex \"a\\\\.b\"\n}\n}\n"
                    "DNS_CHECK {\n type A\n}\n}\n}\n").encode().hex(),
    },
    # The first byte says where it comes in.
    "peer": {
        "datagram": "00 46 4c 01 00 07 00 00 00 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"
                    + " 00" * 32,
        "body": "01 4a 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01" + " 00" * 24
                + " 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 01 01 00 01 76 31",
        "parts": "02 00 1b 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01 01 02 00 01 62 31 09 00"
                 " 00 16 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 02 02 02 00 00 62 31",
        # A proposal of epoch 1, then the same one decided.
        "accord": "03 00 95 01 00 00 00 00" + " 00" * 60 + " 00 00 00 00 00 00 00 01 07" + " 00" * 15 + " 09" + " 00" * 31
                  + " 00 00 00 01" + " 00" * 24
                  + " 00 96 01 01 02 01 00 00 00 00 00 00 00 00 01 07" + " 00" * 15 + " 09" + " 00" * 31
                  + " 00 00 00 01" + " 00" * 84 + " 78",
        "pages": "04 00 2c 02 01" + " 00" * 31 + " 00 00 00 05" + " 61" * 7 + " 00 25 01 01" + " 00" * 31 + " 00 00 00 01",
    },
    # Even: values of the ledger, with their lengths; odd: name, holder and weight of each seat.
    "seats": {
        "values": "00 00 1c 00 00 00 02 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01"
                  " 00 0a 61 00 62 00 00 64 62 00 61 00",
        "swapped": "01 00 01 64 01 00 64 02 02 32",
        "vacant": "01 06 86 64 00 00 64 81 01 64",
        "spoilt": "03 00 01 00 01 64 01 00 64 02 02 32",
    },
    # How many records were told; then a length and an aside, with a record of IPv4.
    "stream": {
        "message": "05 00 3e 00 00 00 05 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 02 01"
                   " 00 30 12 34 00 00 00 00 00 00 00 07 10 00 1b 58 00 01 00 02 06 0a 4d 00 01 c0 00 02 0a 00 00 10 00 00 00 20 00",
        "nat": "05 00 57 00 00 00 05 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 01 00 00 00 02 01"
               " 1b 10 00 00 00 00 00 00 00 00 00 07 10 00 00 50 00 01 40 00 06 0a 4d 00 01 c0 00 02 0a c0 00 02 63"
               " 19 10 00 00 00 00 00 00 00 00 00 07 10 00 00 50 00 01 00 00 06 0a 4d 00 01 c0 00 02 0a",
        "ack": "40 00 19 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00 00 00 00 00 00 00",
    },
    # The first byte is the target's own; the rest is a message.
    "vrrp": {
        "v3-ipv4": "00 31 33 64 02 00 64 fb 6d c0 00 02 0a c0 00 02 0b",
        "v3-ipv4-mend": "02 31 33 64 01 00 64 00 00 c0 00 02 0a",
        "v3-ipv6-mend": "03 31 07 ff 01 00 01 00 00 20 01 0d b8 00 77 00 00 00 00 00 00 00 00 00 10",
        "v2-ipv4-mend": "02 21 33 64 01 01 01 00 00 c0 00 02 0a 31 32 33 34 00 00 00 00",
    },
}


def found(decoder):
    """{name: hex digits} of what was found; a line that begins with # says what was wrong."""
    out = {}
    for path in glob.glob(f"{os.path.dirname(__file__)}/regress/{decoder}-*.hex"):
        with open(path, encoding="ascii") as f:
            out[os.path.basename(path)] = "".join(line for line in f if not line.startswith("#"))
    return out


def main():
    """Writes all of them."""
    for decoder, seeds in SEEDS.items():
        folder = f"{sys.argv[1]}/{decoder}"
        os.makedirs(folder, exist_ok=True)
        for name, text in {**seeds, **found(decoder)}.items():
            with open(f"{folder}/{name}", "wb") as f:
                f.write(bytes.fromhex(text))


main()
