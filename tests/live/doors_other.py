"""Files that leave by what is neither mail, web nor file sharing: messages to a broker, pictures to an archive, bare
bytes."""

import os
import struct
import subprocess
import time

from doors import INSIDE, OUTSIDE, door

MOSQUITTO = "listener 1883 {address}\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n"


@door("mqtt", "mosquitto", "mosquitto_pub")
def mqtt(stage):
    conf = stage.write("mosquitto-out.conf", MOSQUITTO.format(address=OUTSIDE))
    stage.serve("outside", 1883, "mosquitto", "-c", conf)
    files = stage.files("mqtt")
    for i, path in enumerate(files):
        stage.tell("workstation", "mosquitto_pub", "-h", OUTSIDE, "-V", ["311", "5", "31"][i // 3 % 3],
                   "-q", str(i % 3), "-t", f"cam/{i}", "-f", path)
    return files


@door("mqtt-read", "mosquitto", "mosquitto_pub", "mosquitto_sub")
def mqtt_read(stage):
    """A broker inside, a subscriber outside."""
    conf = stage.write("mosquitto-in.conf", MOSQUITTO.format(address=INSIDE))
    stage.serve("web", 1883, "mosquitto", "-c", conf)
    files = stage.files("mqtt-read")
    for quality, version in enumerate(("311", "5", "311")):
        mine = files[quality::3]
        reader = stage.lab.start("outside", "mosquitto_sub", "-h", INSIDE, "-V", version, "-q", str(quality),
                                 "-t", "cam/#", "-C", str(len(mine)), "-N", stdout=subprocess.DEVNULL)
        stage.wait(lambda: b":1883" in stage.lab.try_call("outside", "ss", "-Htn", "state", "established").stdout)
        time.sleep(0.3)  # the subscription is taken
        for path in mine:
            stage.tell("workstation", "mosquitto_pub", "-h", INSIDE, "-q", str(quality), "-t", "cam/1", "-f", path)
        if reader.wait(20):
            raise RuntimeError("mosquitto_sub failed")
    return files


def element(group, number, kind, value, pad=b"\0"):
    """Explicit VR, little endian (PS3.5 7.1.2)."""
    value += pad * (len(value) % 2)
    head = struct.pack("<HH2s", group, number, kind)
    size = struct.pack("<HI", 0, len(value)) if kind in (b"OB", b"OW") else struct.pack("<H", len(value))
    return head + size + value


def data_set(uid, image):
    """What a secondary capture's data set holds at least, around the bytes of one image."""
    return b"".join([
        element(8, 0x16, b"UI", b"1.2.840.10008.5.1.4.1.1.7"), element(8, 0x18, b"UI", uid),
        element(8, 0x60, b"CS", b"OT", b" "),
        element(0x10, 0x10, b"PN", b"Doe^Jane", b" "), element(0x10, 0x20, b"LO", b"4711", b" "),
        element(0x20, 0xd, b"UI", uid + b".1"), element(0x20, 0xe, b"UI", uid + b".2"),
        element(0x28, 2, b"US", b"\1\0"), element(0x28, 4, b"CS", b"MONOCHROME2", b" "),
        element(0x28, 0x10, b"US", b"\1\0"),
        element(0x28, 0x11, b"US", struct.pack("<H", len(image) & 0xffff)), element(0x28, 0x100, b"US", b"\x08\0"),
        element(0x28, 0x101, b"US", b"\x08\0"), element(0x28, 0x102, b"US", b"\7\0"),
        element(0x28, 0x103, b"US", b"\0\0"),
        element(0x7fe0, 0x10, b"OB", image)])


@door("dicom", "storescu", "storescp")
def dicom(stage):
    """Data sets are what C-STORE moves: the file's own head (PS3.10) stays behind."""
    folder = stage.path("dicom-taken", "x")[:-1]
    stage.serve("outside", 11112, "storescp", "-dhl", "-od", folder, "11112")
    sets = []
    for i, path in enumerate(stage.files("dicom-images")):
        with open(path, "rb") as file:
            data = data_set(b"1.2.826.0.1.3680043.9.%d" % (1000 + i), file.read())
        sets.append(stage.path("dicom", f"{i}.dcm"))
        with open(sets[-1], "wb") as file:
            file.write(data)
    for begin in range(0, len(sets), 5):
        stage.tell("workstation", "storescu", *(["--max-pdu", "4096"] if begin % 10 else []), OUTSIDE, "11112",
                   *sets[begin:begin + 5])
    return sets


@door("netcat", "nc")
def netcat(stage):
    """Bare bytes, pushed out and fetched from a listener inside."""
    files = stage.files("netcat")
    for i, path in enumerate(files):
        port = 9000 + i
        sender, listener, address = ("workstation", "outside", OUTSIDE) if i % 2 else ("outside", "web", INSIDE)
        with open(path, "rb") as data, open(os.devnull, "rb") as nothing:
            waits = stage.lab.start(listener, "nc", "-N", "-l", address, str(port), stdin=nothing if i % 2 else data,
                                    stdout=subprocess.DEVNULL)
            stage.lab.wait_port(listener, port)
            # -d: only reads, for as long as something comes
            stage.tell(sender, "nc", "-N" if i % 2 else "-d", address, str(port), stdin=data)
            waits.wait(10)
    return files
