"""Capture files read and written by hand, so that tests can shape every byte of one: pcap in both byte orders and
resolutions, pcapng, and the rewritings (VLAN tags, other link types, lost or shuffled packets) that make one
recording into several."""

import struct

ETHERNET, RAW, COOKED, COOKED2, NULL = 1, 101, 113, 276, 0


def read(path):
    """([(time_ns, bytes)], link type) of a classic pcap."""
    with open(path, "rb") as file:
        data = file.read()
    magic = data[:4]
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<"}.get(magic, ">")
    unit = 1 if magic in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    link = struct.unpack(order + "I", data[20:24])[0]
    packets, at = [], 24
    while at + 16 <= len(data):
        seconds, part, captured, _ = struct.unpack(order + "IIII", data[at:at + 16])
        packets.append((seconds * 10 ** 9 + part * unit, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return packets, link


def write(path, packets, link=ETHERNET, order="<", nanoseconds=False, snap=262144):
    unit = 1 if nanoseconds else 1000
    with open(path, "wb") as file:
        file.write(struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link))
        for time_ns, data in packets:
            kept = data[:snap]
            file.write(struct.pack(order + "IIII", time_ns // 10 ** 9, time_ns % 10 ** 9 // unit, len(kept), len(data)))
            file.write(kept)


def block(kind, body, order="<"):
    body += b"\0" * (-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, size) + body + struct.pack(order + "I", size)


def option(code, value, order="<"):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def write_pcapng(path, packets, link=ETHERNET, order="<", name=b"eth1"):
    """One section, one interface with nanosecond time, enhanced packet blocks."""
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order))
        options = option(2, name, order) + option(9, b"\x09", order) + option(0, b"", order)
        file.write(block(1, struct.pack(order + "HHI", link, 0, 262144) + options, order))
        for time_ns, data in packets:
            head = struct.pack(order + "IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(data))
            file.write(block(6, head + data, order))


def tagged(packets, *tags):
    """Each (type, id) of `tags` as one more tag, outermost first."""
    extra = b"".join(struct.pack(">HH", kind, vlan) for kind, vlan in tags)
    return [(time, data[:12] + extra + data[12:]) for time, data in packets]


def cooked(packets):
    """Linux cooked v1, as `-i any` had it."""
    return [(time, struct.pack(">HHH", 0, 1, 6) + data[6:12] + b"\0\0" + data[12:]) for time, data in packets]


def raw(packets):
    return [(time, data[14:]) for time, data in packets if data[12:14] in (b"\x08\0", b"\x86\xdd")]


def payload_of(data):
    """TCP payload bytes of an Ethernet frame with IPv4; 0 for any other."""
    if data[12:14] != b"\x08\0" or data[23] != 6:
        return 0
    header = (data[14] & 15) * 4
    return struct.unpack(">H", data[16:18])[0] - header - (data[14 + header + 12] >> 4) * 4
