"""Makes pyseto.json: tokens by an independent implementation of PASETO v4.local, each opened again by it.

    python3 -m venv venv && venv/bin/pip install pyseto==1.10.0
    venv/bin/python crates/cloakroom/tests/paseto/make.py > crates/cloakroom/tests/paseto/pyseto.json

The nonces are chosen here, so a token says both that we open what pyseto seals and, where we seal the same bytes under
the same nonce, that pyseto opens what we seal. Nothing is random: the output is the same every time.
"""

import hashlib
import json

import pyseto


def derived(name, length):
    return hashlib.shake_256(name.encode()).digest(length)


SIZES = [0, 1, 2, 3, 31, 32, 33, 63, 64, 65, 200, 255, 256, 257, 1000, 3000]
FOOTERS = [b"", b"k", b"a1b2c3d4", derived("footer", 8), b'{"kid":"a1b2c3d4"}']
ASSERTIONS = [b"", b"\x06sealed\x03app\x0e__Host-session", derived("assertion", 300)]

cases = []
for number, size in enumerate(SIZES):
    for footer in FOOTERS[number % 2 :: 2]:
        assertion = ASSERTIONS[len(cases) % len(ASSERTIONS)]
        key, nonce = derived(f"key {len(cases)}", 32), derived(f"nonce {len(cases)}", 32)
        payload = derived(f"payload {len(cases)}", size)
        local = pyseto.Key.new(version=4, purpose="local", key=key)
        token = pyseto.encode(local, payload, footer, assertion, nonce=nonce)
        opened = pyseto.decode(local, token, assertion)
        assert (opened.payload, opened.footer) == (payload, footer)
        cases.append(
            {
                "key": key.hex(),
                "nonce": nonce.hex(),
                "payload": payload.hex(),
                "footer": footer.hex(),
                "assertion": assertion.hex(),
                "token": token.decode(),
            }
        )
print(json.dumps(cases, indent=1))
