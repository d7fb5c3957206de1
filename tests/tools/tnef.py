"""Writes TNEF (MS-OXTNEF), as Outlook does, for tests."""

import struct

MESSAGE_CLASS = bytes.fromhex("0703020000000000c000000000000046")  # IID_IMessage


def attribute(level, kind, name, data):
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def variable(tag, kind, data):
    return struct.pack("<HHII", kind, tag, 1, len(data)) + padded(data)


def unicode(tag, text):
    return variable(tag, 0x1F, text.encode("utf-16-le") + b"\0\0")


def number(tag, value):
    return struct.pack("<HHi", 3, tag, value)


def named(text, value):
    """A named property: a GUID, a text name, an integer."""
    name = text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<HH", 3, 0x8001) + bytes(16) + struct.pack("<II", 1, len(name)) + padded(name) + \
        struct.pack("<i", value)


def properties(*items):
    return struct.pack("<I", len(items)) + b"".join(items)


def attachment(data, short="PHOTO~1.JPG", long="Photo of a passport.jpg", mime="image/jpeg"):
    """The bytes, then the short name, then the long one among MAPI properties."""
    more = [number(0x3705, 1), named("odd", 5), variable(0x3704, 0x1E, short.encode() + b"\0"), unicode(0x3707, long)]
    if mime:
        more.append(variable(0x370E, 0x1E, mime.encode() + b"\0"))
    return attribute(2, 6, 0x9002, bytes(14)) + attribute(2, 6, 0x800F, data) + \
        attribute(2, 1, 0x8010, short.encode() + b"\0") + attribute(2, 6, 0x8011, bytes(1000)) + \
        attribute(2, 6, 0x9005, properties(*more))


def in_properties(data, long, embedded=False):
    """The bytes among the properties: a plain file, or an embedded message (TNEF again)."""
    value = variable(0x3701, 0x0D, MESSAGE_CLASS + data) if embedded else variable(0x3701, 0x102, data)
    return attribute(2, 6, 0x9002, bytes(14)) + \
        attribute(2, 6, 0x9005, properties(unicode(0x3001, long), value, unicode(0x3707, long)))


def message(*attachments, text=b"See the attached pictures.\r\n", html=b"<html>see attached</html>"):
    return struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 8, 0x9006, struct.pack("<I", 0x10000)) + \
        attribute(1, 7, 0x8008, b"IPM.Microsoft Mail.Note\0") + attribute(1, 2, 0x800C, text) + \
        attribute(1, 6, 0x9003, properties(unicode(0x0037, "Subject"), variable(0x1013, 0x102, html))) + \
        b"".join(attachments)
