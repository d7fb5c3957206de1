#!/usr/bin/python3
"""Flows nobody can read, as rules see them: an upload over each protocol raises one alert while it runs and one update at its
end, with what the handshake said; how it was sent is counted exactly; a chat is no upload. Handshakes are those of the
transcripts in tests/unit/app, what follows is random.

usage: opaque.py [--sensor PATH]"""

import argparse
import os
import random
import re
import struct
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("tools", "evasion"):
    sys.path.insert(0, os.path.join(HERE, "..", folder))
import pcap  # noqa: E402
import tap  # noqa: E402
import wire  # noqa: E402
from sensor import ROOT, Sensor, ledger_error  # noqa: E402

INSIDE, OUTSIDE, START = "10.1.2.3", "203.0.113.9", 1_790_000_000 * 10 ** 9
RULES = """
rule volume { meta: description = "v" severity = "low" category = "t"
    condition: object_type == "flow" and flow_bytes_out > 1MB }
rule one_run { meta: description = "r" severity = "low" category = "t"
    condition: object_type == "flow" and flow_burst_out > 1MB and flow_full_out >= 90 and flow_peak_out > 100KB }
rule talk { meta: description = "c" severity = "low" category = "t"
    condition: object_type == "flow" and flow_turns >= 20 and flow_full_out == 0 and flow_burst_out < 2000 }
rule named { meta: description = "n" severity = "low" category = "t"
    condition: object_type == "flow" and (tls_sni == "upload.example.org" and tls_ja4 startswith "t13d" and
        tls_version == "TLS 1.3" and tls_alpn == "h2,http/1.1" or tls_sni == "example.com" and tls_ja4 startswith "q13d"
        or ssh_client startswith "PuTTY" and ssh_server == "OpenSSH_9.2p1") }
"""


def unescape(text):
    text = re.sub(r"\\\*(\d+)\{([^}]*)\}", lambda found: found[2] * int(found[1]), text)
    return re.sub(r"\\(x[0-9a-f]{2}|.)", lambda found: {"r": "\r", "n": "\n"}.get(
        found[1], chr(int(found[1][1:], 16)) if found[1][0] == "x" else found[1]), text).encode("latin-1")


def handshake(name, number=0):
    """[(from the client, bytes)] of a transcript's conversation."""
    with open(os.path.join(ROOT, "tests", "unit", "app", name + ".transcript"), encoding="latin-1") as file:
        text = re.split(r"^--- ", file.read(), flags=re.M)[1 + number]
    return [(line[0] == ">", unescape(line[4:])) for line in re.findall(r"^(?:>>>|<<<) .*$", text, re.M)]


class Talk:
    """A conversation with a clock; `inside` says which side is at home."""

    def __init__(self, protocol, client_inside=True, step_ms=1):
        self.protocol, self.packets, self.now, self.step = protocol, [], START, step_ms * 10 ** 6
        self.ends = (INSIDE, OUTSIDE) if client_inside else (OUTSIDE, INSIDE)
        self.sequence = [1000, 5000]
        self.out = {True: [], False: []}
        if protocol == 6:
            self.put(True, b"", wire.SYN)
            self.put(False, b"", wire.SYN | wire.ACK)
            self.put(True, b"", wire.ACK)

    def put(self, client, payload, flags=wire.ACK | wire.PSH):
        src, dst = self.ends if client else self.ends[::-1]
        ports = (40001, 8443) if client else (8443, 40001)
        if self.protocol == 6:
            body = wire.tcp(src, dst, *ports, self.sequence[not client], self.sequence[client] if flags & wire.ACK else 0,
                            flags, payload)
            self.sequence[not client] += len(payload) + bool(flags & (wire.SYN | wire.FIN))
        elif self.protocol == 17:
            body = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
        else:
            body = payload
        frame = bytes.fromhex("0200000000020200000000010800") + wire.ipv4(src, dst, body, proto=self.protocol)
        self.packets.append((self.now, frame))
        self.now += self.step

    def play(self, rows):
        for client, content in rows:
            for at in range(0, len(content), 1400):
                self.put(client, content[at:at + 1400])

    def write(self, path):
        pcap.write(path, self.packets)
        return path


CHANCE = random.Random(7)


def sealed(protocol, number, size):
    """One packet of `size` bytes as the protocol frames it."""
    if protocol == "tls":
        return b"\x17\x03\x03" + struct.pack(">H", size - 5) + CHANCE.randbytes(size - 5)
    if protocol == "quic":
        return bytes([0x40 | number & 0x3F]) + CHANCE.randbytes(size - 1)
    if protocol == "wireguard":
        return b"\4\0\0\0abcd" + struct.pack("<Q", number) + CHANCE.randbytes(size // 16 * 16 - 16)
    if protocol == "esp":
        return struct.pack(">II", 0xC0FFEE, number + 1) + CHANCE.randbytes(size - 8)
    return CHANCE.randbytes(size)


PROTOCOLS = {"tls": (6, handshake("tls")), "ssh": (6, handshake("ssh")), "quic": (17, handshake("quic")),
             "wireguard": (17, handshake("wireguard")[:2]), "esp": (50, []), "dtls": (17, handshake("dtls")),
             "openvpn": (17, handshake("openvpn")), "unknown": (6, [])}
SECTIONS = {"tls": "tls", "ssh": "ssh", "quic": "quic", "dtls": "tls"}


def upload(protocol, packets=1200, inside_client=True):
    """Full packets, answered by little ones; the payload bytes of the run."""
    number, opening = PROTOCOLS[protocol]
    talk = Talk(number, inside_client)
    talk.play(opening)
    run = 0
    for i in range(packets):
        content = sealed(protocol, i, 1400)
        talk.put(inside_client, content)
        run += len(content)
        if i % 2:
            talk.put(not inside_client, sealed(protocol, i, 96))
    return talk, run


def alerts(result, rule):
    return [event for event in result.events("alert") if event["alert"]["signature"] == rule]


def uploads(sensor, rules, folder):
    for protocol in PROTOCOLS:
        for inside_client in (True, False):
            who = "an upload" if inside_client else "a download from inside"
            talk, run = upload(protocol, inside_client=inside_client)
            path = talk.write(os.path.join(folder, f"{protocol}{inside_client}.pcap"))
            with tap.case(f"{protocol}: {who} raises one alert in flight and one update"):
                result = sensor.replay("--events", "alert,flow", path, rules=rules)
                tap.expect(result.code == 0, result.failed())
                tap.equal(ledger_error(result.stats), None, "ledger")
                rows = alerts(result, "volume")
                tap.equal([(row["dlp"]["in_flight"], row["dlp"].get("update", False)) for row in rows],
                          [(True, False), (False, True)], "in flight, update")
                tap.equal(len({row["dlp"]["id"] for row in rows}), 1, "ids")
                for row in rows:
                    tap.equal((row["app_proto"], row["dlp"]["object_type"], row["dlp"]["direction"], row["dlp"]["sender"]),
                              (protocol, "flow", "outbound", "client" if inside_client or not PROTOCOLS[protocol][1] and talk.protocol != 6 else "server"),
                              "the alert")
                    tap.expect(SECTIONS.get(protocol, "proto") in row, f"no section in {row}")
                tap.equal(rows[0]["proto"], {6: "TCP", 17: "UDP", 50: "ESP"}[talk.protocol], "proto")
            with tap.case(f"{protocol}: {who}, how it was sent"):
                flow, = result.events("flow")
                facts = flow["dlp"]["facts"]
                tap.equal(facts, rows[-1]["dlp"]["facts"], "facts of the last alert and of the flow")
                tap.expect(facts["flow_burst_out"] >= run and facts["flow_burst_out"] < run + 6000,
                           f"{facts['flow_burst_out']} in one run, {run} were sent")
                tap.expect(facts["flow_full_out"] >= 98, f"{facts['flow_full_out']} of 100 packets full")
                tap.equal(facts["flow_packets_out"] + facts["flow_packets_in"], len(talk.packets), "packets")
                tap.equal(facts["flow_busy_seconds"], 2, "busy seconds") # 1800 packets, one a millisecond
                tap.expect(900_000 < facts["flow_peak_out"] <= facts["flow_rate_out"], f"pace {facts}")
                tap.equal(len(alerts(result, "one_run")), 2, "alerts on one run")
                tap.equal(len(alerts(result, "talk")), 0, "alerts on talk")
                opaque = result.stats["fate_bytes"]["opaque"]
                tap.expect(protocol == "unknown" or opaque >= run, f"{opaque} bytes opaque of {run}")
            with tap.case(f"{protocol}: {who}, twice the same, and with --inspect both"):
                again = sensor.replay("--events", "alert,flow", path, rules=rules)
                tap.expect(again.out == result.out, "another output")
                both = sensor.replay("--inspect", "both", "--events", "alert", path, rules=rules)
                tap.equal([(row["dlp"]["id"], row["dlp"]["direction"]) for row in alerts(both, "volume")],
                          [(row["dlp"]["id"], "outbound") for row in rows], "alerts")


def names(sensor, rules, folder):
    for protocol in ("tls", "quic", "ssh"):
        with tap.case(f"{protocol}: rules know what the handshake said"):
            talk, _ = upload(protocol, 50)
            result = sensor.replay("--events", "alert", talk.write(os.path.join(folder, "names.pcap")), rules=rules)
            tap.equal(len(alerts(result, "named")), 2, "alerts")


def talks(sensor, rules, folder):
    for protocol in ("tls", "quic", "ssh", "wireguard"):
        with tap.case(f"{protocol}: a chat takes turns, and is no upload"):
            number, opening = PROTOCOLS[protocol]
            talk = Talk(number, step_ms=400)
            talk.play(opening)
            for i in range(900):
                talk.put(i % 2 == 0, sealed(protocol, i, 320 + i % 7 * 16))
            result = sensor.replay("--events", "alert,flow", talk.write(os.path.join(folder, "talk.pcap")), rules=rules)
            flow, = result.events("flow")
            facts = flow["dlp"]["facts"]
            tap.expect(len(alerts(result, "talk")) >= 1, f"no talk: {facts}")
            tap.equal(len(alerts(result, "volume")) + len(alerts(result, "one_run")), 0, "alerts on uploads")
            tap.expect(440 <= facts["flow_turns"] <= 452, f"{facts['flow_turns']} turns")
            tap.expect(facts["flow_burst_out"] < 2000, f"{facts['flow_burst_out']} bytes in a run")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensor", default="build/dlp-sensor")
    options = parser.parse_args()
    sensor = Sensor(options.sensor)
    with tempfile.TemporaryDirectory(prefix="dlp-opaque-") as folder:
        rules = os.path.join(folder, "rules.yar")
        with open(rules, "w", encoding="utf-8") as file:
            file.write(RULES)
        uploads(sensor, rules, folder)
        names(sensor, rules, folder)
        talks(sensor, rules, folder)
    return 1 if tap.case.failures else 0


if __name__ == "__main__":
    sys.exit(main())
