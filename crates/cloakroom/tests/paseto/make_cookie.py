"""Makes cookie.json: whole session cookies by an independent implementation, each opened again by it.

    python3 -m venv venv && venv/bin/pip install pyseto==1.10.0 blake3==1.0.11
    venv/bin/python crates/cloakroom/tests/paseto/make_cookie.py > crates/cloakroom/tests/paseto/cookie.json

This is all that a program in another language needs to read a sealed session, or to write one: the server key, the
application's name and the cookie's.
"""

import json

import pyseto
from blake3 import blake3


def cookie_key(server_key):
    return blake3(server_key, derive_key_context="cloakroom 2026-11 v1 sealed cookies").digest()


def key_id(server_key):
    return blake3(server_key, derive_key_context="cloakroom 2026-11 v1 server key id").digest()[:8]


def checksum(data):
    """CRC-8, polynomial x^8 + x^2 + x + 1."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc


def footer(server_key):
    name = key_id(server_key)
    return name + bytes([checksum(name)])


def assertion(purpose, application, cookie):
    return b"".join(bytes([len(part)]) + part.encode() for part in (purpose, application, cookie))


# Refused by Cloakroom itself, as every key that stands in its repository.
SERVER_KEY = bytes.fromhex("d1a2282d5f5bd45304df6b96ae0884d774479997eebb0c8cfe11540592d16db0")
MESSAGES = {
    # As Cloakroom itself writes it.
    "ours": (
        '{"v":1,"jti":"abababababababababababababababab","sub":"alice",'
        '"iat":"2027-01-15T08:02:00.000Z","exp":"2027-01-15T08:32:00.000Z",'
        '"begun":1800000000000,"rotated":1800000060000,"ends":1800086400000,"idle":1800,'
        '"remembered":true,"label":"Firefox","data":{"cart":["coat"]}}'
    ),
    # As another program may write the same.
    "theirs": json.dumps(
        {
            "exp": "2027-01-15T08:32:00.000Z",
            "data": {"cart": ["coat"]},
            "sub": "alice",
            "label": "Firefox",
            "remembered": True,
            "aud": "a claim of theirs",
            "iat": "2027-01-15T08:02:00.000Z",
            "ends": 1800086400000,
            "idle": 1800,
            "begun": 1800000000000,
            "rotated": 1800000060000,
            "jti": "ab" * 16,
            "v": 1,
        },
        indent=2,
    ),
}

local = pyseto.Key.new(version=4, purpose="local", key=cookie_key(SERVER_KEY))
purpose = assertion("session", "shop", "__Host-session")
cookies = {}
for number, (name, message) in enumerate(MESSAGES.items()):
    nonce = bytes([number + 1]) * 32
    value = pyseto.encode(local, message.encode(), footer(SERVER_KEY), purpose, nonce=nonce)
    opened = pyseto.decode(local, value, purpose)
    assert (opened.payload, opened.footer) == (message.encode(), footer(SERVER_KEY))
    cookies[name] = {"nonce": nonce.hex(), "value": value.decode()}
print(json.dumps(cookies, indent=1))
