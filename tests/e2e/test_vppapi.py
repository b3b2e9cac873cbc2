# SPDX-License-Identifier: Apache-2.0
"""The tests' own VPP client against what a real VPP said, so that it may judge others."""
import json
import pathlib
import struct

import pytest

import vppapi

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"


@pytest.fixture(scope="module")
def transcript():
    path = next(DATA.rglob("api-transcript.jsonl"))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_recorded_frame_survives_decoding_and_encoding(transcript):
    checked = set()
    for row in transcript:
        name, _, crc = row["msg"].rpartition("_")
        if row["msg"].startswith("sockclnt_create"):
            continue
        assert vppapi.MESSAGES[name][0] == crc
        payload = bytes.fromhex(row["frame_hex"])[vppapi.HEADER.size:]
        assert len(payload) == row["len"]
        behind_header = payload[10 if vppapi.is_request(name) else 6:]
        assert vppapi.encode(name, vppapi.decode(name, behind_header)) == behind_header
        checked.add(name)
    assert len(checked) >= 20


def test_the_recorded_handshake_is_understood(transcript):
    create, reply = (bytes.fromhex(r["frame_hex"])[vppapi.HEADER.size:] for r in transcript[:2])
    assert create == struct.pack(">HI", vppapi.SOCKCLNT_CREATE, 0x7C) + b"vpp-maglev".ljust(64, b"\0")
    _, _, _, response, index, count = struct.unpack_from(">HIIiIH", reply)
    assert (response, index) == (0, 0x80000001)
    assert len(reply) == 20 + 66 * count
