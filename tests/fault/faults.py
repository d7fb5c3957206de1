"""The faults, a function each: a generator of (wanted alerts, found alerts, complaint or None), given a folder of its
own and its random numbers. FAULTS names them."""

import collections
import concurrent.futures
import os
import re
import statistics
import subprocess
import tempfile
import threading
import time

from world import (Client, Proxy, ROOT, Refused, SENSOR, Sensor, Server, capture, clean_run, free_port, keys, signal)

FEED_SECONDS = 2.5
NONE = collections.Counter()  # for a complaint that is not about alerts


class Trouble(threading.Thread):
    """What strikes beside the sensor; a strike that fails is a failure of the case."""

    def __init__(self, strike, *words):
        super().__init__()
        self.strike, self.words, self.failure = strike, words, None

    def run(self):
        try:
            self.strike(*self.words)
        except Exception as failure:
            self.failure = failure

    def join(self, timeout=None):
        super().join(timeout)
        if self.failure:
            raise self.failure


def spool_of(folder):
    return os.path.join(folder, "spool")


def verdict(server, path, code, sensor, name=SENSOR):
    """The stream against a clean run."""
    return clean_run(path), keys(server.stream(name)), None if code == 0 else f"exit {code}: {sensor.error}"


def while_feeding(trouble, *options, spool=True, before=True, said="", **server_options):
    """A fault that strikes a plain Redis while a capture is fed. `said`: what the sensor's log must say of it, or the
    fault missed."""
    def fault(folder, random):
        path = capture(folder)
        server = Server(os.path.join(folder, "redis"), *options, **server_options)
        if before:
            server.start()
        try:
            sensor = Sensor(folder, server.url, spool_of(folder) if spool else None).start("-")
            striker = Trouble(trouble, server)
            striker.start()
            sensor.feed(path, FEED_SECONDS)
            code = sensor.wait()
            striker.join()
            yield verdict(server, path, code, sensor)
            if said not in sensor.error:
                yield NONE, NONE, f"the log does not say '{said}': {sensor.error}"
        finally:
            server.kill()
    return fault


def nothing(server):
    pass


def late(server):
    time.sleep(1)
    server.start()


def killed(server):
    time.sleep(0.9)
    server.kill()
    time.sleep(0.5)
    server.start()


def killed_often(server):
    for _ in range(4):
        time.sleep(0.4)
        server.kill()
        server.start()


def gone_for_long(server):
    time.sleep(0.8)
    server.kill()
    time.sleep(9)
    server.start()


def comes_back_empty(server):
    time.sleep(1.2)
    server.kill()
    server.wipe()
    server.start()


def full(server):
    time.sleep(0.8)
    server.must("CONFIG", "SET", "maxmemory", "1")
    time.sleep(1)
    server.must("CONFIG", "SET", "maxmemory", "0")


def read_only(server):
    time.sleep(0.8)
    server.must("REPLICAOF", "127.0.0.1", "1")
    time.sleep(1)
    server.must("REPLICAOF", "NO", "ONE")


def master_down(server):
    time.sleep(0.8)
    server.must("CONFIG", "SET", "replica-serve-stale-data", "no")
    server.must("REPLICAOF", "127.0.0.1", "1")
    server.call("CLIENT", "KILL", "TYPE", "normal")
    time.sleep(1)
    server.must("REPLICAOF", "NO", "ONE")


def cannot_save(server):
    """MISCONF: its last snapshot failed, and it takes no writes since."""
    time.sleep(0.7)
    missing = os.path.join(server.folder, "gone")
    os.mkdir(missing)
    server.must("CONFIG", "SET", "save", "3600 1")
    server.must("CONFIG", "SET", "dir", missing)
    os.rmdir(missing)
    server.must("SET", "x", "1")
    server.call("BGSAVE")
    time.sleep(1.2)
    server.must("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")


def without_replicas(server):
    time.sleep(0.8)
    server.must("CONFIG", "SET", "min-replicas-to-write", "1")
    time.sleep(1)
    server.must("CONFIG", "SET", "min-replicas-to-write", "0")


def busy(server):
    """A script that does not end."""
    time.sleep(0.8)
    server.must("CONFIG", "SET", "busy-reply-threshold", "20")
    stuck = Client(server.address)
    threading.Thread(target=lambda: stuck.call("EVAL", "while true do end", "0"), daemon=True).start()
    time.sleep(1.2)
    server.must("SCRIPT", "KILL")


def frozen(server):
    time.sleep(1)
    server.signal(signal.SIGSTOP)
    time.sleep(7)
    server.signal(signal.SIGCONT)


def cut_off(server):
    for _ in range(8):
        time.sleep(0.25)
        server.must("CLIENT", "KILL", "TYPE", "normal")


def somebody_else_writes(server):
    """Entries above the sensor's own ids."""
    for i in range(6):
        time.sleep(0.3)
        server.must("XADD", f"dlp:alerts:{SENSOR}", f"{4102444800000 + i * 1000}-0", "note", "an operator was here")


def loading(folder, random):
    """A Redis that reads its snapshot for seconds."""
    path = capture(folder)
    server = Server(os.path.join(folder, "redis"), durable=False).start()
    try:
        for i in range(300):
            server.call("SET", f"filler:{i}", "x" * 2000)
        server.call("SAVE")
        server.kill()
        server.start("--key-load-delay", "10000", "--loading-process-events-interval-bytes", "1024", ready=False)
        sensor = Sensor(folder, server.url, spool_of(folder))
        code = sensor.run(path)
        yield verdict(server, path, code, sensor)
        if "LOADING" not in sensor.error:
            yield NONE, NONE, "the log does not say LOADING"
    finally:
        server.kill()


def wrong_password(folder, random):
    """The right one is written while the sensor runs."""
    path = capture(folder)
    secret = os.path.join(folder, "password")
    server = Server(os.path.join(folder, "redis"), "--user", "soc", "on", ">right", "~*", "&*", "+@all").start()
    try:
        with open(secret, "w", encoding="utf-8") as out:
            out.write("wrong\n")
        config = f"redis: {{username: soc, password_file: {secret}}}\n"
        sensor = Sensor(folder, server.url, spool_of(folder), config=config).start("-")
        sensor.feed(path, 1)
        with open(secret, "w", encoding="utf-8") as out:
            out.write("right\n")
        code = sensor.wait()
        yield verdict(server, path, code, sensor)
        if "WRONGPASS" not in sensor.error:
            yield NONE, NONE, "the log does not say WRONGPASS"
    finally:
        server.kill()


def proxied(mode, seconds):
    """A network that mistreats the connection, and is mended."""
    def fault(folder, random):
        path = capture(folder)
        server = Server(os.path.join(folder, "redis")).start()
        proxy = Proxy(server.address, mode, random)
        try:
            sensor = Sensor(folder, proxy.url, spool_of(folder)).start("-")
            mend = threading.Timer(seconds, setattr, (proxy, "mode", "pass"))
            mend.start()
            sensor.feed(path, FEED_SECONDS)
            code = sensor.wait()
            mend.cancel()
            yield verdict(server, path, code, sensor)
        finally:
            proxy.close()
            server.kill()
    return fault


def emptied_between_runs(folder, random):
    """Redis loses everything after the sensor is gone: the next run fills it from the spool, earlier runs' alerts
    included."""
    first, second = capture(folder, 40), capture(folder, 40, first=40)
    server = Server(os.path.join(folder, "redis"), durable=False).start()
    try:
        sensor = Sensor(folder, server.url, spool_of(folder))
        code = sensor.run(first)
        yield verdict(server, first, code, sensor)
        server.kill()
        server.start()
        code = sensor.run(second)
        yield (clean_run(first) + clean_run(second), keys(server.stream()),
               None if code == 0 else f"exit {code}: {sensor.error}")
        server.kill()
        server.start()
        code = sensor.run(first)  # nothing new in it
        yield clean_run(first) + clean_run(second), keys(server.stream()), None if code == 0 else f"exit {code}"
    finally:
        server.kill()


def run_again_without_a_spool(folder, random):
    """A second run over the same capture, whose spool knows nothing of the first."""
    path = capture(folder, 60)
    server = Server(os.path.join(folder, "redis")).start()
    try:
        for _ in range(2):
            sensor = Sensor(folder, server.url)
            code = sensor.run(path)
            yield verdict(server, path, code, sensor)
        sensor = Sensor(folder, server.url).start("-")
        killer = threading.Timer(0.3, sensor.kill)
        killer.start()
        server.call("DEL", f"dlp:alerts:{SENSOR}")
        sensor.feed(path, 0.6)
        sensor.wait()
        sensor = Sensor(folder, server.url)
        code = sensor.run(path)
        yield verdict(server, path, code, sensor)
    finally:
        server.kill()


def spool_command(*words):
    done = subprocess.run([Sensor.program, "spool", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def away_and_sent_later(folder, random):
    """No Redis for a whole run: exit 3, and the spool's own commands bring it there."""
    path = capture(folder)
    want = clean_run(path)
    spool = spool_of(folder)
    server = Server(os.path.join(folder, "redis"), durable=False)
    sensor = Sensor(folder, server.url, spool)
    code = sensor.run(path)
    if code != 3:
        yield NONE, NONE, f"exit {code}, wanted 3"
    code, text = spool_command("status", "--spool", spool)
    words = dict(line.split(None, 1) for line in text.splitlines())
    if code or int(words["waiting"]) != sum(want.values()) or int(words["records"]) != sum(want.values()):
        yield NONE, NONE, f"spool status: {text}"
    code, text = spool_command("dump", "--spool", spool)
    yield want, keys(text.splitlines()), None
    server.start()
    try:
        for _ in range(2):  # the second has nothing to send
            code, text = spool_command("resend", "--spool", spool, "--redis", server.url)
            yield want, keys(server.stream()), None if code == 0 else text
        server.call("FLUSHALL")
        code, text = spool_command("resend", "--spool", spool, "--redis", server.url)
        yield want, keys(server.stream()), None if code == 0 else text
        first = server.call("XRANGE", f"dlp:alerts:{SENSOR}", "-", "+", "COUNT", "3")
        for entry, _ in first:
            server.call("XDEL", f"dlp:alerts:{SENSOR}", entry)
        code, text = spool_command("resend", "--spool", spool, "--redis", server.url)
        yield want, keys(server.stream()), None if code == 0 else text
    finally:
        server.kill()


def mirrored(folder, random):
    path = capture(folder, 40)
    server = Server(os.path.join(folder, "redis")).start()
    try:
        sensor = Sensor(folder, server.url, spool_of(folder), config="redis: {mirror: list}\n")
        code = sensor.run(path)
        yield verdict(server, path, code, sensor)
        yield clean_run(path), keys(server.call("LRANGE", "dlp:events", "0", "-1")), None
    finally:
        server.kill()


def full_disk(folder, random):
    """The spool's disk takes a part of what comes; Redis returns before memory is full."""
    path = capture(folder, 300)
    spool = os.path.join(folder, "tmpfs")
    os.mkdir(spool)
    server = Server(os.path.join(folder, "redis"))
    # In a chroot / is no mount, cannot be made private, and the new file system may be seen outside: it is taken away.
    mount = f"mount --make-rprivate / 2>/dev/null; mount -t tmpfs -o size=256k tmpfs {spool} && exec \"$@\""
    apart = ("unshare", "-m", "--propagation", "unchanged", "sh", "-c", mount, "sh")
    sensor = Sensor(folder, server.url, spool, before=apart).start("-")
    try:
        starter = threading.Timer(2, server.start)
        starter.start()
        sensor.feed(path, 1.5)
        code = sensor.wait()
        starter.join()
        yield verdict(server, path, code, sensor)
        stats = sensor.counters()["spool"]
        if not stats["errors"] or stats["dropped"]:
            yield NONE, NONE, f"counters: {stats}"
    finally:
        server.kill()
        subprocess.run(["umount", spool], stderr=subprocess.DEVNULL, check=False)


def certificate(folder, name, ca=None, subject=None):
    """A key and a certificate; without `ca`, one that signs others."""
    key, out = (os.path.join(folder, f"{name}.{end}") for end in ("key", "crt"))
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", out, "-days", "2",
               "-subj", f"/CN={name}"]
    if ca:
        command += ["-CA", ca + ".crt", "-CAkey", ca + ".key", "-addext", f"subjectAltName={subject}", "-addext",
                    "basicConstraints=CA:FALSE"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:  # before OpenSSL 3.0 had -CA here
        request = os.path.join(folder, f"{name}.csr")
        extension = os.path.join(folder, f"{name}.ext")
        with open(extension, "w", encoding="utf-8") as text:
            text.write(f"subjectAltName={subject}\n")
        subprocess.run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj",
                        f"/CN={name}"], capture_output=True, check=True)
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA", ca + ".crt", "-CAkey", ca + ".key",
                        "-CAcreateserial", "-out", out, "-days", "2", "-extfile", extension], capture_output=True,
                       check=True)
    return os.path.join(folder, name)


def encrypted(folder, random):
    """TLS: the server's certificate is checked, the sensor's own is shown; a name that is not the certificate's and an
    authority nobody trusts are refused in words."""
    path = capture(folder, 40)
    ours, theirs = certificate(folder, "ours"), certificate(folder, "theirs")
    identity = certificate(folder, "redis", ours, "DNS:localhost,IP:127.0.0.1")
    other = certificate(folder, "other", ours, "DNS:elsewhere.example")
    port = free_port()

    def options(who):
        return ["--tls-port", str(port), "--tls-cert-file", who + ".crt", "--tls-key-file", who + ".key",
                "--tls-ca-cert-file", ours + ".crt"]

    def config(authority, shown=True):
        mine = f", tls_cert: {identity}.crt, tls_key: {identity}.key" if shown else ""
        return f"redis: {{tls_ca: {authority}.crt{mine}}}\n"

    server = Server(os.path.join(folder, "redis"), *options(identity)).start()
    try:
        for host in ("127.0.0.1", "localhost"):
            sensor = Sensor(folder, f"rediss://{host}:{port}", spool_of(folder), config=config(ours))
            code = sensor.run(path)
            yield verdict(server, path, code, sensor)
        bad = [("an unknown authority", config(theirs), "certificate"), ("no certificate", config(ours, False), "TLS")]
        for what, settings, said in bad:
            sensor = Sensor(folder, f"rediss://127.0.0.1:{port}", config=settings, name="refused")
            code = sensor.run(path)
            if code != 3 or said not in sensor.error:
                yield NONE, NONE, f"{what}: exit {code}, {sensor.error}"
        if server.stream("refused"):
            yield NONE, NONE, "something was sent all the same"
        server.kill()
        server.command[server.command.index(identity + ".crt")] = other + ".crt"
        server.command[server.command.index(identity + ".key")] = other + ".key"
        server.start()
        sensor = Sensor(folder, f"rediss://127.0.0.1:{port}", config=config(ours), name="refused")
        code = sensor.run(path)
        if code != 3 or "certificate" not in sensor.error:
            yield NONE, NONE, f"another's certificate: exit {code}, {sensor.error}"
    finally:
        server.kill()


def fails_over(folder, random):
    """Three Sentinels, a master that dies, its replica that takes over."""
    path = capture(folder)
    master = Server(os.path.join(folder, "a"), durable=False).start()
    replica = Server(os.path.join(folder, "b"), "--replicaof", "127.0.0.1", str(master.port), durable=False).start()
    sentinels = []
    try:
        for i in range(3):
            port = free_port()
            conf = os.path.join(folder, f"sentinel-{i}.conf")
            with open(conf, "w", encoding="utf-8") as out:
                out.write(f"port {port}\nsentinel monitor mymaster 127.0.0.1 {master.port} 2\n"
                          "sentinel down-after-milliseconds mymaster 500\nsentinel failover-timeout mymaster 3000\n")
            sentinels.append(Server(os.path.join(folder, f"s{i}"), port=port, conf=conf).start())
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:  # until they know each other and the replica
            known = sentinels[0].call("SENTINEL", "MASTER", "mymaster")
            known = dict(zip(known[::2], known[1::2]))
            if known["num-other-sentinels"] == "2" and known["num-slaves"] == "1":
                break
            time.sleep(0.2)
        hosts = ",".join(f"127.0.0.1:{port}" for port in [free_port()] + [s.port for s in sentinels])
        sensor = Sensor(folder, f"redis+sentinel://{hosts}/mymaster", spool_of(folder)).start("-")
        striker = threading.Timer(1, master.kill)
        striker.start()
        sensor.feed(path, FEED_SECONDS)
        code = sensor.wait()
        yield verdict(replica, path, code, sensor)
        if replica.call("ROLE")[0] != "master":
            yield NONE, NONE, "nothing failed over"
        shown = subprocess.run([Sensor.program, "alerts", "--json", "--redis", f"redis+sentinel://{hosts}/mymaster"],
                               capture_output=True, text=True, check=False)
        yield clean_run(path), keys(shown.stdout.splitlines()), shown.stderr or None
    finally:
        for server in [master, replica, *sentinels]:
            server.kill()


def make_cluster(folder, nodes, replicas=0):
    servers = [Server(os.path.join(folder, f"node{i}"), "--cluster-enabled", "yes", "--cluster-node-timeout", "2000",
                      durable=False).start() for i in range(nodes)]
    subprocess.run(["redis-cli", "--cluster", "create", *(f"127.0.0.1:{s.port}" for s in servers), "--cluster-replicas",
                    str(replicas), "--cluster-yes"], check=True, capture_output=True)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not all(is_settled(s) for s in servers):
        time.sleep(0.1)
    return servers


def is_settled(server):
    role = server.call("ROLE")
    return "cluster_state:ok" in server.call("CLUSTER", "INFO") and (role[0] == "master" or role[3] == "connected")


def owner_of(servers, key):
    return next(s for s in servers if not isinstance(s.call("XLEN", key), Refused))


def in_a_cluster(folder, random):
    """The sensor knows a node that is not the stream's; then the stream moves to a third while it runs."""
    path = capture(folder)
    key = f"dlp:alerts:{SENSOR}"
    servers = make_cluster(folder, 3)
    try:
        slot = servers[0].call("CLUSTER", "KEYSLOT", key)
        source = owner_of(servers, key)
        known, target = [s for s in servers if s is not source]
        ids = {s: s.call("CLUSTER", "MYID") for s in servers}
        sensor = Sensor(folder, known.url, spool_of(folder)).start("-")

        def move():
            time.sleep(0.8)
            target.call("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
            source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
            source.call("MIGRATE", "127.0.0.1", target.port, key, "0", "5000")
            time.sleep(0.7)  # meanwhile the source says ASK
            for server in (target, source, known):
                server.call("CLUSTER", "SETSLOT", slot, "NODE", ids[target])

        mover = Trouble(move)
        mover.start()
        sensor.feed(path, FEED_SECONDS)
        code = sensor.wait()
        mover.join()
        yield verdict(target, path, code, sensor)
        shown = subprocess.run([Sensor.program, "alerts", "--json", "--redis", known.url], capture_output=True,
                               text=True, check=False)
        yield clean_run(path), keys(shown.stdout.splitlines()), shown.stderr or None
    finally:
        for server in servers:
            server.kill()


def cluster_node_dies(folder, random):
    """The stream's node is killed and comes back with nothing."""
    path = capture(folder)
    key = f"dlp:alerts:{SENSOR}"
    servers = make_cluster(folder, 3)
    try:
        owner = owner_of(servers, key)
        known = next(s for s in servers if s is not owner)
        sensor = Sensor(folder, known.url, spool_of(folder)).start("-")

        def trouble():
            time.sleep(1)
            owner.kill()
            owner.start()

        striker = Trouble(trouble)
        striker.start()
        sensor.feed(path, FEED_SECONDS)
        code = sensor.wait()
        striker.join()
        yield verdict(owner, path, code, sensor)
    finally:
        for server in servers:
            server.kill()


def cluster_fails_over(folder, random):
    """The stream's node dies and its replica takes its place."""
    path = capture(folder)
    key = f"dlp:alerts:{SENSOR}"
    servers = make_cluster(folder, 6, replicas=1)
    try:
        owner = owner_of([s for s in servers if s.call("ROLE")[0] == "master"], key)
        known = next(s for s in servers if s is not owner and s.call("ROLE")[0] == "master")
        sensor = Sensor(folder, known.url, spool_of(folder)).start("-")
        striker = threading.Timer(1, owner.kill)
        striker.start()
        sensor.feed(path, FEED_SECONDS)
        code = sensor.wait()
        left = [s for s in servers if s is not owner and s.call("ROLE")[0] == "master"]
        yield verdict(owner_of(left, key), path, code, sensor)
        if len(left) != 3:
            yield NONE, NONE, "nothing failed over"
    finally:
        for server in servers:
            server.kill()


def full_spool(folder, random):
    """More alerts than the spool may hold while there is no Redis: the oldest go, and are counted."""
    path = capture(folder, 2600)
    spool = spool_of(folder)
    sensor = Sensor(folder, f"redis://127.0.0.1:{free_port()}", spool, config="spool: {max_mib: 1}\n")
    code = sensor.run(path)
    lost = sensor.counters()["spool"]["lost"]
    server = Server(os.path.join(folder, "redis")).start()
    try:
        spool_command("resend", "--spool", spool, "--redis", server.url)
        want, have = clean_run(path), keys(server.stream())
        kept = want & have
        yield kept, have, None if code == 3 else f"exit {code}"
        if not lost or sum(want.values()) - sum(kept.values()) != lost:
            yield NONE, NONE, f"{sum(want.values())} raised, {sum(kept.values())} kept, {lost} counted as lost"
    finally:
        server.kill()


def random_kills(count):
    """Sensor, Redis or both die at a random moment while the sensor runs, again and again; then the same capture is
    replayed once more, as an operator would. Redis keeps everything, or nothing. A strike that came too late does not
    count."""
    def fault(folder, random):
        path = capture(folder, 60)
        struck = number = 0
        while struck < count:
            number += 1
            inner = os.path.join(folder, str(number))
            os.mkdir(inner)
            server = Server(os.path.join(inner, "redis"), durable=bool(random.getrandbits(1))).start()
            try:
                hits = 0
                for _ in range(random.randrange(1, 3)):
                    seconds = random.uniform(0.05, 0.35)
                    sensor = Sensor(inner, server.url, spool_of(inner)).start("-")
                    victims, moment = random.choice(("sensor", "redis", "both")), random.uniform(0, seconds + 0.05)
                    alive = []

                    def strike(victims=victims, moment=moment, sensor=sensor, alive=alive):
                        time.sleep(moment)
                        alive.append(sensor.process.poll() is None)
                        if victims != "redis":
                            sensor.kill()
                        if victims != "sensor":
                            server.kill()
                            time.sleep(random.uniform(0, 0.1))
                            server.start()

                    striker = Trouble(strike)
                    striker.start()
                    sensor.feed(path, seconds, 20)
                    sensor.wait()
                    striker.join()
                    hits += alive[0]
                sensor = Sensor(inner, server.url, spool_of(inner))
                code = sensor.run(path)
                if hits:
                    yield verdict(server, path, code, sensor)
                struck += hits > 0
            finally:
                server.kill()
    return fault


FAULTS = [
    ("no fault", while_feeding(nothing)),
    ("Redis starts late", while_feeding(late, before=False)),
    ("Redis is killed and comes back", while_feeding(killed)),
    ("Redis is killed and comes back, the spool a temporary one", while_feeding(killed, spool=False)),
    ("Redis is killed four times", while_feeding(killed_often)),
    ("Redis is killed four times and keeps nothing", while_feeding(killed_often, durable=False)),
    ("Redis is gone for nine seconds", while_feeding(gone_for_long)),
    ("Redis comes back empty", while_feeding(comes_back_empty)),
    ("Redis is full (OOM)", while_feeding(full, said="OOM")),
    ("Redis is a replica (READONLY)", while_feeding(read_only, said="READONLY")),
    ("Redis is a replica without its master (MASTERDOWN)", while_feeding(master_down, said="MASTERDOWN")),
    ("Redis cannot save (MISCONF)", while_feeding(cannot_save, "--enable-protected-configs", "yes", said="MISCONF")),
    ("Redis lacks replicas (NOREPLICAS)", while_feeding(without_replicas, said="NOREPLICAS")),
    ("Redis runs a script (BUSY)", while_feeding(busy, said="BUSY")),
    ("Redis is frozen for seven seconds", while_feeding(frozen, said="no answer")),
    ("Redis closes the connection eight times", while_feeding(cut_off, said="connection closed")),
    ("somebody else writes to the stream", while_feeding(somebody_else_writes)),
    ("Redis is loading (LOADING)", loading),
    ("the password is wrong (WRONGPASS), then right", wrong_password),
    ("the network swallows everything for seven seconds", proxied("swallow", 7)),
    ("the network is slow", proxied("slow", 60)),
    ("connections are cut after random bytes", proxied("cut", 6)),
    ("Redis is emptied between runs", emptied_between_runs),
    ("the same capture again, without a spool", run_again_without_a_spool),
    ("no Redis at all; spool status, dump and resend", away_and_sent_later),
    ("a list mirrors the stream", mirrored),
    ("the spool's disk is full", full_disk),
    ("TLS, right and wrong", encrypted),
    ("Sentinels fail over", fails_over),
    ("a Cluster moves the stream (MOVED, ASK)", in_a_cluster),
    ("a Cluster fails over to a replica", cluster_fails_over),
    ("the spool itself is full", full_spool),
    ("a Cluster's node dies and comes back empty", cluster_node_dies),
]


def run_seconds(folder, url, name, path):
    """(processor time of a replay, however long it waits at its end; time until its workers were done)"""
    sensor = Sensor(folder, url, os.path.join(folder, f"spool-{name}"), name=name)
    with open(os.path.join(folder, name + ".log"), "wb") as log:
        child = subprocess.Popen(["timeout", "-k", "1", "120", *sensor.settings, path], stdout=log, stderr=log)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    with open(os.path.join(folder, name + ".log"), encoding="utf-8") as log:
        worked = re.search(r"MB in ([0-9.]+) s", log.read())
    if child.returncode not in (0, 3) or not worked:
        raise RuntimeError(f"replay for {name}: exit {child.returncode}")
    return usage.ru_utime + usage.ru_stime, float(worked[1])


def speed(short):
    """Replay beside a Redis in trouble, against one in health: medians, turn about. In the short form all run at once,
    and only what is grossly wrong fails."""
    with tempfile.TemporaryDirectory(prefix="fault-") as folder:
        program = os.path.join(folder, "generate")
        sources = [os.path.join(ROOT, "tests", "bench", name) for name in ("generate.c", "generate_files.c")]
        subprocess.run(["cc", "-O2", "-o", program, *sources, "-lm"], check=True)
        path = os.path.join(folder, "load.pcap")
        subprocess.run([program, "jpeg-post", "200" if short else "1000", path], check=True, stdout=subprocess.DEVNULL)
        server = Server(os.path.join(folder, "redis")).start()
        full_server = Server(os.path.join(folder, "full"), "--maxmemory", "1").start()
        hole, slow = Proxy(server.address, "swallow"), Proxy(server.address, "slow")
        places = {"well": server.url, "dead": f"redis://127.0.0.1:{free_port()}", "black-holed": hole.url,
                  "slow": slow.url, "full": full_server.url}
        times = collections.defaultdict(list)
        with concurrent.futures.ThreadPoolExecutor(len(places) if short else 1) as pool:
            for turn in range(1 if short else 7):
                jobs = {name: pool.submit(run_seconds, folder, url, f"{name}{turn}", path)
                        for name, url in places.items()}
                for name, job in jobs.items():
                    times[name].append(job.result())
        for running in (server, full_server):
            running.kill()
        well = [statistics.median(figures) for figures in zip(*times.pop("well"))]
        allowed = (2, 4) if short else (1.02, 1.1)  # clocks of a shared machine are worse than counters
        for name, seconds in times.items():
            ratio = [statistics.median(figures) / base for figures, base in zip(zip(*seconds), well)]
            bad = ratio[0] > allowed[0] or ratio[1] > allowed[1]
            yield (f"replay with Redis {name}: {ratio[0]:.3f} of the processor time with Redis well, {ratio[1]:.3f} of"
                   " the clock's", f"more than {allowed}" if bad else None)
