"""What networks, cards and taps do to packets on their way into a capture: each function takes (a seeded source of
chance, [(time_ns, Ethernet frame)]) and returns the frames as another tap would have had them."""

import struct

FIN, SYN, RST, PSH, URG = 1, 2, 4, 8, 32
TAGS = (b"\x81\0", b"\x88\xa8")


class Segment:
    """Where the parts of a frame lie. `flow` is None for what is neither TCP nor UDP, or is a fragment."""

    def __init__(self, frame):
        self.flow, self.flags, self.size = None, 0, 0
        at = 12
        while frame[at:at + 2] in TAGS:
            at += 4
        kind, self.ip = frame[at:at + 2], at + 2
        if kind == b"\x08\0" and len(frame) >= self.ip + 20:
            self.end = self.ip + struct.unpack_from(">H", frame, self.ip + 2)[0]
            self.at, protocol = self.ip + (frame[self.ip] & 15) * 4, frame[self.ip + 9]
            hosts = frame[self.ip + 12:self.ip + 16], frame[self.ip + 16:self.ip + 20]
            whole = not struct.unpack_from(">H", frame, self.ip + 6)[0] & 0x3FFF
        elif kind == b"\x86\xdd" and len(frame) >= self.ip + 40:
            self.end = self.ip + 40 + struct.unpack_from(">H", frame, self.ip + 4)[0]
            self.at, protocol = self.ip + 40, frame[self.ip + 6]
            hosts, whole = (frame[self.ip + 8:self.ip + 24], frame[self.ip + 24:self.ip + 40]), True
        else:
            return
        self.tcp = protocol == 6
        if not whole or protocol not in (6, 17) or len(frame) < max(self.end, self.at + (20 if self.tcp else 8)):
            return
        source, target = struct.unpack_from(">HH", frame, self.at)
        self.flow = protocol, (hosts[0], source), (hosts[1], target)
        self.pair = protocol, *sorted(self.flow[1:])
        self.payload = self.at + 8
        if self.tcp:
            self.seq, self.ack = struct.unpack_from(">II", frame, self.at + 4)
            self.flags, self.payload = frame[self.at + 13], self.at + (frame[self.at + 12] >> 4) * 4
        self.size = self.end - self.payload


def total(data):
    data += b"\0" * (len(data) & 1)
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


def tcp_total(frame, place):
    """0xFFFF over a segment with a true checksum."""
    hosts = frame[place.ip + 12:place.ip + 20] if frame[place.ip] >> 4 == 4 else frame[place.ip + 8:place.ip + 40]
    return total(hosts + struct.pack(">HH", 6, place.end - place.at) + frame[place.at:place.end])


def reshaped(frame, place, seq, payload, flags):
    """The segment with another payload. A checksum that the sending card was left to fill in stays unfilled."""
    filled = tcp_total(frame, place) == 0xFFFF
    out = bytearray(frame[:place.payload] + payload)
    struct.pack_into(">I", out, place.at + 4, seq & 0xFFFFFFFF)
    out[place.at + 13] = flags
    if out[place.ip] >> 4 == 4:
        struct.pack_into(">H", out, place.ip + 2, len(out) - place.ip)
        struct.pack_into(">H", out, place.ip + 10, 0)
        struct.pack_into(">H", out, place.ip + 10, total(bytes(out[place.ip:place.at])) ^ 0xFFFF)
    else:
        struct.pack_into(">H", out, place.ip + 4, len(out) - place.ip - 40)
    if filled:
        struct.pack_into(">H", out, place.at + 16, 0)
        struct.pack_into(">H", out, place.at + 16, tcp_total(bytes(out), Segment(bytes(out))) ^ 0xFFFF)
    return bytes(out)


def timed(packets, frames):
    """The frames in their new order, with times that grow."""
    clocks = [clock for clock, _ in packets]
    last = clocks[-1] if clocks else 0
    return [(clocks[i] if i < len(clocks) else last, frame) for i, frame in enumerate(frames)]


def streams(packets):
    """[bytes] that each side of each TCP connection sent, for those whose SYN and every byte is there."""
    found, open_ones = [], {}
    for _, frame in packets:
        place = Segment(frame)
        if not place.flow or not place.tcp:
            continue
        if place.flags & SYN and open_ones.get(place.flow, (None, {}))[0] != place.seq + 1:
            open_ones[place.flow] = place.seq + 1, {}
            found.append(open_ones[place.flow])
        elif place.size > 0 and place.flow in open_ones:
            first, parts = open_ones[place.flow]
            at, data = (place.seq - first) & 0xFFFFFFFF, frame[place.payload:place.end]
            parts[at] = max(parts.get(at, b""), data, key=len)
    whole = []
    for _, parts in found:
        data = bytearray()
        for at in sorted(parts):
            if at > len(data):
                break
            data += parts[at][len(data) - at:]
        else:
            whole.append(bytes(data))
    return whole


def duplicate(chance, packets):
    """Port mirrors that see a frame come in and go out."""
    return [row for row in packets for _ in range(2 if chance.random() < 0.3 else 1)]


def may_pass(a, b):
    """Two frames of TCP may change places unless one of them resets what the other belongs to, or opens it anew.
    Datagrams stay: TFTP and its like speak in turns, and have no numbers to tell that a tap is out of step."""
    return a.flow and a.tcp and not (b.flow and a.pair == b.pair and (a.flags | b.flags) & (RST | SYN))


def moved(chance, packets, share, reach, wanted=lambda place: True):
    frames = [frame for _, frame in packets]
    places = [Segment(frame) for frame in frames]
    at = 0
    while at < len(frames):
        step = chance.randint(1, reach)
        others = places[at + 1:at + 1 + step]
        if len(others) == step and wanted(places[at]) and chance.random() < share and \
                all(may_pass(places[at], other) for other in others):
            frames.insert(at + step, frames.pop(at))
            places.insert(at + step, places.pop(at))
            at += step
        at += 1
    return timed(packets, frames)


def swap(chance, packets):
    return moved(chance, packets, 0.2, 1)


def delay(chance, packets):
    """Single packets of one direction come a few places late."""
    inside = chance.random() < 0.5
    return moved(chance, packets, 0.1, 5, lambda place: place.flow and (place.flow[1] < place.flow[2]) == inside)


def retransmit(chance, packets):
    """Segments the sender thought lost come again while their connection goes on."""
    frames, recent = [], {}
    for _, frame in packets:
        frames.append(frame)
        place = Segment(frame)
        if not place.flow or not place.tcp:
            continue
        if place.flags & (SYN | RST):
            recent.pop(place.pair, None)
            continue
        kept = recent.setdefault(place.pair, [])
        if kept and chance.random() < 0.2:
            frames.append(chance.choice(kept[-20:]))
        if place.size > 0:
            kept.append(frame)
    return timed(packets, frames)


def split(chance, packets):
    out = []
    for clock, frame in packets:
        place = Segment(frame)
        if not place.flow or not place.tcp or place.size < 2 or place.flags & (SYN | URG) or chance.random() < 0.5:
            out.append((clock, frame))
            continue
        cut = chance.choice((1, place.size - 1, chance.randrange(1, place.size)))
        data = frame[place.payload:place.end]
        out.append((clock, reshaped(frame, place, place.seq, data[:cut], place.flags & ~(FIN | PSH | RST))))
        out.append((clock, reshaped(frame, place, place.seq + cut, data[cut:], place.flags)))
    return out


def coalesce(chance, packets):
    """Segments in a row become one, as receiving cards join them."""
    out = []
    for clock, frame in packets:
        place = Segment(frame)
        before = Segment(out[-1][1]) if out else place
        if out and place.flow and place.flow == before.flow and place.tcp and place.size > 0 and before.size > 0 and \
                not (place.flags | before.flags) & (SYN | RST | URG) and not before.flags & FIN and \
                (before.seq + before.size) & 0xFFFFFFFF == place.seq and before.size + place.size < 60000 and \
                chance.random() < 0.8:
            last = out[-1][1]
            data = last[before.payload:before.end] + frame[place.payload:place.end]
            out[-1] = (out[-1][0], reshaped(last, before, before.seq, data, before.flags | place.flags))
        else:
            out.append((clock, frame))
    return out


def tag_one_way(chance, packets):
    """The two fibres of a link carry different tags."""
    tag = struct.pack(">HH", 0x8100, chance.randrange(1, 4095))
    out = []
    for clock, frame in packets:
        place = Segment(frame)
        if place.flow and place.flow[1] < place.flow[2]:
            frame = frame[:12] + tag + frame[12:]
        out.append((clock, frame))
    return out


def pad(chance, packets):
    """The shortest frame of Ethernet, and sometimes a check sequence the card left on."""
    extra = chance.randbytes(4) if chance.random() < 0.5 else b""
    return [(clock, frame.ljust(60, b"\0") + extra) for clock, frame in packets]


def one_way(packets, upward):
    return [row for row in packets if not (place := Segment(row[1])).flow or
            (place.flow[1] < place.flow[2]) == upward]


def one_way_up(_, packets):
    return one_way(packets, True)


def one_way_down(_, packets):
    return one_way(packets, False)


def lose(chance, packets, share):
    return [row for row in packets if Segment(row[1]).size <= 0 or chance.random() >= share]


def lose_some(chance, packets):
    return lose(chance, packets, 0.01)


def lose_many(chance, packets):
    return lose(chance, packets, 0.05)


def lose_any(chance, packets):
    """Acknowledgements, handshakes and ends, too."""
    return [row for row in packets if chance.random() >= 0.03]


def lose_run(chance, packets):
    """A moment in which the tap saw nothing."""
    at, length = chance.randrange(len(packets)), chance.randrange(2, 30)
    return packets[:at] + packets[at + length:]


def begin_late(chance, packets):
    return packets[chance.randrange(len(packets)):]


def end_early(chance, packets):
    return packets[:chance.randrange(1, len(packets) + 1)]


HARMLESS = (duplicate, swap, delay, retransmit, split, coalesce, tag_one_way, pad)
LOSSY = (lose_some, lose_many, lose_any, lose_run, begin_late, end_early, one_way_up, one_way_down)
