"""What the board's cases share: the upload, how a conversation begins and ends, and the list the cases enter."""

import hashlib

from wire import jpeg, upload

PICTURE = jpeg()
MESSAGE = upload(PICTURE)
DIGEST = hashlib.sha256(PICTURE).hexdigest()
JUNK = b"GET /harmless HTTP/1.1\r\nHost: a.example\r\n\r\n" * 40
CASES = []


def case(name, **settings):
    def add(function):
        CASES.append((name, function, settings))
        return function
    return add


def begin(c):
    c.handshake()


def finish(c):
    c.answer()
    c.close()


def middle(c, trick, at=2800):
    """The upload with `trick` played before the byte at `at`."""
    begin(c)
    c.send(MESSAGE[:at])
    trick(c)
    c.send(MESSAGE[at:])
    finish(c)
