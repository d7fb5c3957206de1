"""Cases of the board after published scripts: fragroute's tcp-*, tcbc-* and tcbt-* for Ptacek and Newsham's paper,
Geneva's strategies (geneva.cs.umd.edu), and zapret's desync modes (nfqws, tpws)."""

from script import JUNK, MESSAGE, begin, case, finish, middle
from wire import ACK, FIN, PSH, RST, SYN, URG, Conversation, ipv4, tcp, timestamps

ECE, CWR = 0x40, 0x80


def segments(c, size):
    base = c.seq
    return [(base + at, MESSAGE[at:at + size]) for at in range(0, len(MESSAGE), size)]


def done(c):
    c.seq = c.start + len(MESSAGE)
    c.reply()
    finish(c)


# --- fragroute ----------------------------------------------------------------------------------------------

@case("tcp-3: one-byte segments, one of them twice")
def _(c):
    begin(c)
    for at in range(600):
        c.segment(MESSAGE[at:at + 1])
        if at == 100:
            c.segment(MESSAGE[at:at + 1])
        c.seq += 1
    c.reply()
    c.send(MESSAGE[600:])
    finish(c)


@case("tcp-4: one-byte segments, before one of them a null")
def _(c):
    begin(c)
    for at in range(600):
        if at == 7:
            c.segment(b"\0")
        c.segment(MESSAGE[at:at + 1])
        c.seq += 1
    c.reply()
    c.send(MESSAGE[600:])
    finish(c)


@case("tcp-5: two-byte segments, before each a null for its second byte")
def _(c):
    begin(c)
    for at in range(0, 600, 2):
        c.segment(b"\0", seq=c.seq + 1)
        c.segment(MESSAGE[at:at + 2])
        c.seq += 2
    c.reply()
    c.send(MESSAGE[600:])
    finish(c)


@case("tcp-6: the sequence numbers jump by 1,000 in the middle")
def _(c):
    def trick(c):
        for at in range(40):
            c.segment(b"J", seq=c.seq + 1000 + at)
    middle(c, trick)


@case("tcp-7: nulls with other sequence numbers between the segments")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1000):
        c.segment(b"\0" * 1000, seq=c.seq + 0x50000000 + at)
        c.segment(MESSAGE[at:at + 1000])
        c.seq += len(MESSAGE[at:at + 1000])
        c.reply()
    finish(c)


@case("tcbc-2: SYNs between the segments, their numbers inside the window")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1000):
        c.segment(flags=SYN, seq=c.seq, ack=0)
        c.segment(MESSAGE[at:at + 1000])
        c.seq += len(MESSAGE[at:at + 1000])
        c.reply()
    finish(c)


@case("tcbt-1: a reset that is taken, then the same ports with far other numbers")
def _(c):
    begin(c)
    c.send(JUNK[:500])
    c.segment(flags=RST)
    c.seq += 0x12345678
    c.ack += 0x01234567
    c.start = c.seq + 1
    begin(c)
    c.send(MESSAGE)
    finish(c)


@case("IP options before the segment: record route, time stamps, router alert")
def _(c):
    begin(c)
    for n, (seq, part) in enumerate(segments(c, 1000)):
        raw = tcp(c.client, c.server, c.cport, c.sport, seq, c.ack, ACK | PSH, part)
        option = (b"\7\7\4\0\0\0\0", b"\x44\x08\5\0\0\0\0\0", b"\x94\4\0\0")[n % 3]
        c.ether(ipv4(c.client, c.server, raw, ident=n + 9, options=option))
    done(c)


@case("a strict source route on every junk segment")
def _(c):
    def trick(c):
        raw = tcp(c.client, c.server, c.cport, c.sport, c.seq, c.ack, ACK | PSH, b"X" * 1400)
        c.ether(ipv4(c.client, c.server, raw, ident=7, options=b"\x89\7\4\xc6\x33\x64\1"))
    middle(c, trick)


@case("junk under a wrong IP version, a wrong header length, a length too large")
def _(c):
    def trick(c):
        raw = tcp(c.client, c.server, c.cport, c.sport, c.seq, c.ack, ACK | PSH, b"X" * 1000)
        c.ether(ipv4(c.client, c.server, raw, version=5))
        c.ether(b"\x44" + ipv4(c.client, c.server, raw)[1:])
        c.ether(ipv4(c.client, c.server, raw, total=4000))
    middle(c, trick)


# --- Geneva -------------------------------------------------------------------------------------------------

for word, flags in (("FIN", FIN), ("FIN PSH", FIN | PSH), ("RST ACK PSH", RST | ACK | PSH), ("RST FIN", RST | FIN),
                    ("everything at once", FIN | SYN | RST | PSH | ACK | URG | ECE | CWR),
                    ("SYN FIN", SYN | FIN), ("ECE CWR alone", ECE | CWR), ("URG alone", URG)):
    case(f"junk with the flags {word}")(
        lambda c, flags=flags: middle(c, lambda c: c.segment(b"X" * 500, flags=flags, ttl=3)))


@case("the acknowledgement of the handshake, corrupted and with the reset flag")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=RST, bad_sum=True)
    c.segment(flags=RST | ACK, ttl=4)
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("junk in the handshake's last acknowledgement, low TTL")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(JUNK[:300], flags=ACK | PSH, ttl=4)
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("the server resets, then opens from its side (server-side simultaneous open)")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=RST, seq=0, ack=0)
    c.reply(flags=SYN, ack=0)
    c.segment(flags=SYN | ACK, seq=c.seq - 1, ack=c.ack + 1)
    c.ack += 1
    c.reply()
    c.send(MESSAGE)
    finish(c)


@case("the server's SYN/ACK carries junk")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(b"X" * 100, flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("the server's first SYN/ACK acknowledges another number")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN | ACK, ack=c.seq + 31337)
    c.segment(flags=RST, seq=c.seq + 31337)
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("the server sends null flags and a FIN before its SYN/ACK")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=0)
    c.reply(flags=FIN)
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


@case("the server offers a window of ten bytes in its SYN/ACK")
def _(c):
    c.segment(flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN | ACK, window=10)
    c.ack += 1
    c.segment(flags=ACK)
    for at in range(0, 200, 10):
        c.segment(MESSAGE[at:at + 10])
        c.seq += 10
        c.reply(window=10)
    c.reply(window=65535)
    c.send(MESSAGE[200:])
    finish(c)


@case("junk with an old time stamp and a wrong acknowledgement together", with_timestamps=True)
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, ack=c.ack - 66000, options=timestamps(3, 1)))


@case("junk whose options do not fit their length")
def _(c):
    middle(c, lambda c: c.segment(b"X" * 1400, options=b"\x08\xff\0\0"))


@case("a byte of urgent data in every segment, which the receiver takes out")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1000):
        part = MESSAGE[at:at + 1000]
        c.segment(part[:10] + b"U" + part[10:], flags=ACK | PSH | URG, urgent=11)
        c.seq += len(part) + 1
        c.reply()
    finish(c)


@case("urgent bytes in segments of their own")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1000):
        c.segment(b"U", flags=ACK | URG, urgent=1)
        c.seq += 1
        c.segment(MESSAGE[at:at + 1000])
        c.seq += len(MESSAGE[at:at + 1000])
        c.reply()
    finish(c)


# --- zapret -------------------------------------------------------------------------------------------------

@case("split with junk before the window (seqovl)")
def _(c):
    begin(c)
    c.segment(b"Z" * 336 + MESSAGE[:400], seq=c.seq - 336)
    c.seq += 400
    c.send(MESSAGE[400:])
    finish(c)


@case("disorder with junk before the second part (seqovl)")
def _(c):
    begin(c)
    c.segment(b"Z" * 399 + MESSAGE[400:1400], seq=c.seq + 1)
    c.segment(MESSAGE[:400])
    c.seq += 1400
    c.reply()
    c.send(MESSAGE[1400:])
    finish(c)


@case("many splits, each part from the last to the first (multidisorder)")
def _(c):
    begin(c)
    base, cuts = c.seq, [0, 1, 5, 20, 21, 60, 120, 300, 900]
    for low, high in list(zip(cuts, cuts[1:]))[::-1]:
        c.segment(MESSAGE[low:high], seq=base + low)
    c.seq = base + 900
    c.reply()
    c.send(MESSAGE[900:])
    finish(c)


@case("fakes between disordered parts (fakeddisorder)")
def _(c):
    begin(c)
    fake, base = b"A" * 700, c.seq
    for seq, part in ((base + 700, fake), (base + 700, MESSAGE[700:1400]), (base + 700, fake), (base, fake),
                      (base, MESSAGE[:700]), (base, fake)):
        c.segment(part, seq=seq, ttl=3 if part == fake else 64)
    c.seq = base + 1400
    c.reply()
    c.send(MESSAGE[1400:])
    finish(c)


@case("fakes of the host line alone (hostfakesplit)")
def _(c):
    begin(c)
    at, base = MESSAGE.index(b"drop.example"), c.seq
    c.segment(MESSAGE[:at])
    for part in (b"www.harmless", MESSAGE[at:at + 12], b"www.harmless"):
        c.segment(part, seq=base + at)
    c.segment(MESSAGE[at + 12:1400], seq=base + at + 12)
    c.seq = base + 1400
    c.reply()
    c.send(MESSAGE[1400:])
    finish(c)


@case("a fake with a lower sequence and acknowledgement (badseq, badack)")
def _(c):
    begin(c)
    c.segment(JUNK[:1000], seq=c.seq - 10000, ack=c.ack - 66000)
    c.send(MESSAGE)
    finish(c)


@case("two fragments, the second first (ipfrag2, disordered)")
def _(c):
    begin(c)
    for at in range(0, len(MESSAGE), 1200):
        part = MESSAGE[at:at + 1200]
        c.fragments(part, lambda raw: [(24, None, len(raw), False), (0, None, 24, True)])
        c.seq += len(part)
        c.reply()
    finish(c)


@case("a SYN with a fake request, then no Fast Open (syndata)")
def _(c):
    c.segment(JUNK[:400], flags=SYN, ack=0)
    c.seq += 1
    c.reply(flags=SYN | ACK)
    c.ack += 1
    c.segment(flags=ACK)
    c.send(MESSAGE)
    finish(c)


def worded(name, message):
    @case(name)
    def _(c):
        begin(c)
        c.send(message)
        finish(c)


worded("an empty line before the request (methodeol)", b"\r\n" + MESSAGE)
worded("two spaces after the method (methodspace)", MESSAGE.replace(b"POST ", b"POST  ", 1))
worded("hoSt in mixed case (hostcase)", MESSAGE.replace(b"Host:", b"hoSt:", 1))
worded("no space after Host (hostnospace)", MESSAGE.replace(b"Host: ", b"Host:", 1))
worded("a dot after the host (hostdot)", MESSAGE.replace(b"drop.example", b"drop.example.", 1))
worded("a tab after the host (hosttab)", MESSAGE.replace(b"drop.example", b"drop.example\t", 1))
worded("lines that end in a bare line feed (unixeol)",
       MESSAGE[:MESSAGE.index(b"\r\n\r\n") + 4].replace(b"\r\n", b"\n") + MESSAGE[MESSAGE.index(b"\r\n\r\n") + 4:])
worded("a header of ten kilobytes before Host (hostpad)",
       MESSAGE.replace(b"Host:", b"X-Pad: " + b"p" * 10000 + b"\r\nHost:", 1))


# --- other connections at work ------------------------------------------------------------------------------

@case("another connection's segments under the same client port, between these")
def _(c):
    begin(c)
    other = Conversation(port=c.cport)
    other.server, other.frames = "203.0.113.10", c.frames
    other.handshake()
    for at in range(0, len(MESSAGE), 1000):
        other.send(JUNK[at % 1000:at % 1000 + 200])
        c.send(MESSAGE[at:at + 1000])
    finish(c)


@case("the server's side alone was captured before, then both")
def _(c):
    begin(c)
    c.frames = [f for f in c.frames if f[26:30] != bytes([10, 1, 2, 3])]
    c.send(MESSAGE)
    finish(c)


@case("a connection that is never closed")
def _(c):
    begin(c)
    c.send(JUNK)
    c.send(MESSAGE)
