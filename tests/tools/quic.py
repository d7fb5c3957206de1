"""QUIC Initial packets by hand (RFC 9001 5, RFC 9369): for seeds and for the transcripts of tests/unit/app."""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

V1, V2, DRAFT29 = 1, 0x6B3343CF, 0xFF00001D
SALTS = {V1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", V2: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
         DRAFT29: "afbfec289993d24c9e9786f19c6111e04390a899"}


def variable(value):
    return struct.pack(">B", value) if value < 64 else struct.pack(">H", 0x4000 | value)


def expand(secret, label, size):
    name = b"tls13 " + label
    info = struct.pack(">HB", size, len(name)) + name + b"\0\1"
    return hmac.new(secret, info, hashlib.sha256).digest()[:size]


def keys(version, destination, server=False):
    """Key, vector and header protection key of one sender."""
    initial = hmac.new(bytes.fromhex(SALTS[version]), destination, hashlib.sha256).digest()
    secret = expand(initial, b"server in" if server else b"client in", 32)
    word = b"quicv2 " if version == V2 else b"quic "
    return expand(secret, word + b"key", 16), expand(secret, word + b"iv", 12), expand(secret, word + b"hp", 16)


def initial(version, key_id, destination, source, payload, number=0, server=False, token=b"", number_len=4):
    """One protected packet; `key_id` is the destination of the client's first one."""
    key, vector, mask_key = keys(version, key_id, server)
    first = (0xD0 if version == V2 else 0xC0) | (number_len - 1)
    cut = struct.pack(">I", number)[4 - number_len:]
    head = struct.pack(">BI", first, version) + bytes([len(destination)]) + destination + bytes([len(source)]) + source + \
        variable(len(token)) + token + struct.pack(">H", 0x4000 | (number_len + len(payload) + 16))
    nonce = bytes(a ^ b for a, b in zip(vector, bytes(8) + struct.pack(">I", number)))
    sealed = AESGCM(key).encrypt(nonce, payload, head + cut)
    sample = (cut + sealed)[4:20]
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sample)
    hidden = bytes(a ^ b for a, b in zip(cut, mask[1:]))
    return bytes([head[0] ^ (mask[0] & 0x0F)]) + head[1:] + hidden + sealed


def crypto(offset, data):
    return b"\x06" + variable(offset) + variable(len(data)) + data
