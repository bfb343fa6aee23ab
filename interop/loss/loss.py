#!/usr/bin/env python3
"""What ws76 says of messages that a fault swallowed, against what was received.

Usage: loss.py [--long] [--only TEXT] [--jobs N] [--natsd NATSD] WS76

Each case has three network namespaces of its own, near - way - far: ws76 and who sends
are near, the receiver is far, and between them the way can be cut or made to lose
packets. Numbered messages are counted by peer.py where they are written and read. For
each case: sent = received + said to be lost + said not to be known, where what is not
known may have been received; nothing that is said to be lost was received, nothing is
received twice unless that is said. What ws76 never took does not count as sent: its
sender's system says how much waits in a pipe, or was never read from a stream before that
was reset.
"""
import argparse, concurrent.futures, ctypes, os, re, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = [sys.executable, os.path.join(HERE, "peer.py")]
NEAR, FAR = "10.76.1.1", "10.76.2.1"
TO = FAR + ":9000"
FROM = NEAR + ":8000"

# Each message is so large that one window holds a few of them only. Of a receiver with
# this buffer, which Linux doubles, a window has no more than 64 KiB. Not proven to be read
# are two of those, what a program reads at once, and one that is on its way; a ledger is off
# by what lies between two of its places, and what was written at once, which is less than two
# more.
SIZE = 2048
BUFFER = 32 << 10
WINDOW = (5 * 64 + 80 << 10) // SIZE

LOST = [
    r"(\d+) messages to (?:TO|FROM) were dropped",
    r"of \d+ messages to TO (\d+) were dropped",
    r"were dropped and (\d+) not sent",
    r"(\d+) messages lost",
    r"(\d+) messages were not sent",
    r"(\d+) messages of standard input were read and not sent",
    r"\d+ messages in, \d+ out, (\d+) (?:dropped|not sent)",
]
UNKNOWN = [r"of (\d+) (?:messages )?(?:to TO )?it is not known whether they arrived(?!:)", r"(\d+) not known"]
AGAIN = [r"(\d+) were sent again", r"(\d+) messages of stream .* have come again"]


def said(patterns, text):
    return sum(int(n) for p in patterns for n in re.findall(p, text))


class Case:
    def __init__(self, o, number, subject, dialect, fault):
        self.o, self.subject, self.dialect, self.fault = o, subject, dialect, fault
        self.ns = ["l%d-%d-%s" % (os.getpid() % 10000, number, x) for x in ("near", "way", "far")]
        self.dir = tempfile.mkdtemp(prefix="loss")
        self.running = []
        self.pipe = self.socket = None
        # With a fifth of all packets lost some peers seem to be gone for a while.
        self.dead = 60 if fault == "loss" else o.dead
        self.ends = subject.partition("+")[0].split("-")
        self.tls = self.ends[-1] == "wss"
        self.from_broker, self.to_broker = self.ends[0] in BROKERS, self.ends[-1] in BROKERS

    # The network.

    def ip(self, *args, check=True):
        subprocess.run(["ip", *args], check=check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def connect(self, side, net):
        """A cable between near or far and the way."""
        way, ns = self.ns[1], self.ns[0 if side == "near" else 2]
        self.ip("netns", "add", ns)
        self.ip("-n", ns, "link", "set", "lo", "up")
        self.ip("-n", way, "link", "add", side, "type", "veth", "peer", "name", "cable", "netns", ns)
        self.ip("-n", ns, "addr", "add", "10.76.%d.1/24" % net, "dev", "cable")
        self.ip("-n", way, "addr", "add", "10.76.%d.2/24" % net, "dev", side)
        for n, dev in ((ns, "cable"), (way, side)):
            self.ip("-n", n, "link", "set", dev, "up")
        self.ip("-n", ns, "route", "add", "default", "via", "10.76.%d.2" % net)

    def up(self):
        self.ip("netns", "add", self.ns[1])
        self.sh(self.ns[1], "sysctl -qw net.ipv4.ip_forward=1")
        self.connect("near", 1)
        self.connect("far", 2)

    def sh(self, ns, command):
        subprocess.run(["ip", "netns", "exec", ns, "sh", "-c", command], check=True, stdout=subprocess.DEVNULL)

    def drop(self, percent):
        rule = "drop" if percent == 100 else "numgen random mod 100 < %d drop" % percent
        self.sh(self.ns[1], "nft 'add table ip l; add chain ip l f { type filter hook forward priority 0; }; add rule ip l f %s'" % rule)

    def undrop(self):
        self.sh(self.ns[1], "nft delete table ip l")

    def down(self):
        for p in self.running:
            if p.poll() is None:
                p.send_signal(signal.SIGCONT)
                p.kill()
            p.wait()
        for ns in self.ns:
            self.ip("netns", "del", ns, check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    # Processes.

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, ns, args, **pipes):
        p = subprocess.Popen(["ip", "netns", "exec", ns, *args], **pipes)
        self.running.append(p)
        return p

    def peer(self, ns, *args, **pipes):
        return self.run(ns, [*PEER, *map(str, args)], stderr=subprocess.DEVNULL, **pipes)

    def broker(self, kind, ns, address, log=None):
        """A broker that has what it had when it is started again; of NATS, one that writes down
        what it gets."""
        if kind == "nats":
            p = self.run(ns, [self.o.natsd, address, self.path("nats"), *([log] if log else [])], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            p.stdout.readline()  # its stream is there
            return p
        host, port = address.split(":")
        with open(self.path("mosquitto.conf"), "w") as f:
            f.write("listener %s %s\npersistence true\npersistence_location %s/\nmax_queued_messages 100000\nallow_anonymous true\n"
                    "user root\nlog_dest file %s\nlog_type subscribe\n" % (port, host, self.dir, self.path("mosquitto.log")))
        p = self.run(ns, ["mosquitto", "-c", self.path("mosquitto.conf")], stderr=subprocess.DEVNULL)
        self.wait_listening(ns, int(port))
        return p

    def wait_subscribed(self, client):
        self.wait("a subscription", lambda: any(" %s 1 " % client in x for x in self.log("mosquitto.log", False)), 20)

    def receiver(self, fault=True):
        if self.to_broker:
            self.far = self.broker(self.ends[-1], self.ns[2], TO, self.path("received"))
            if self.ends[-1] == "mqtt" and fault:
                with open(self.path("received"), "a") as f:
                    self.run(self.ns[2], ["stdbuf", "-oL", "mosquitto_sub", "-h", FAR, "-p", "9000", "-t", "loss", "-q", "1", "-c", "-i", "reader"],
                             stdout=f, stderr=subprocess.DEVNULL)
                self.wait_subscribed("reader")
            return
        args = ["receive", "listen", TO, self.to_protocol, self.path("received")]
        if fault and self.fault in ("fin", "rst", "frame", "full"):
            args += ["--fault", self.fault, "--after", 60, "--pause", self.o.stop]
        if self.tls:
            args += ["--tls", self.certificate()]
        args += ["--buffer", 4096 if self.fault == "full" else BUFFER]
        if self.fault == "slow":
            args += ["--every", 0.02]
        self.far = self.peer(self.ns[2], *args)

    def certificate(self):
        path = self.path("cert.pem")
        if not os.path.exists(path):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=" + FAR,
                            "-keyout", path, "-out", path + ".crt"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with open(path + ".crt") as crt, open(path, "a") as both:
                both.write(crt.read())
        return path

    def ws76(self, *args, **pipes):
        self.errors = open(self.path("errors"), "a")
        self.tool = self.run(self.ns[0], [self.o.ws76, *args], stderr=self.errors, env={**os.environ, "WS76_VERBOSE": ""}, **pipes)
        return self.tool

    def log(self, name, numbers=True):
        try:
            with open(self.path(name)) as f:
                lines = f.read().splitlines()
                return [x.partition(" ")[0] for x in lines] if numbers else lines
        except FileNotFoundError:
            return []

    def wait(self, what, cond, timeout):
        deadline = time.time() + timeout
        while not cond():
            if time.time() > deadline:
                return False
            time.sleep(0.03)
        return True

    # The subjects: each begins, and returns once messages pass.

    def begin(self):
        kind, _, option = self.subject.partition("+")
        self.to_protocol = "lines" if kind.endswith("-tcp") else self.dialect
        d = "ws+" + self.dialect.replace("-", "")
        if kind == "serve":
            return self.begin_serve()
        if kind == "hub":
            return self.begin_hub()
        self.receiver()
        to = {"tcp": "tcp://" + TO, "mqtt": "mqtt://" + TO + "/?pub=loss&qos=1", "nats": "nats://" + TO + "/?pub=loss.x&jetstream=1"}.get(
            self.ends[-1], ("wss" + d[2:] if self.tls else d) + "://" + TO + "/")
        common = [*(["--insecure"] if self.tls else []), "--dead-after", "%gs" % self.dead, "-v", "--close-timeout", "2s"]
        if self.fault == "self":  # nor is it silence that nobody listened
            common += ["--idle", "%gs" % (self.o.stop - 1)]
        count = self.count()
        sent = self.path("sent")
        if kind == "connect":
            flags = ["--reconnect", "--on-eof", "linger", "--linger", "3s"] if option else ["--on-eof", "linger", "--linger", "3s"]
            self.wait_listening(self.ns[2], 9000)
            out = self.peer(self.ns[0], "send", "dial", "-", "lines", sent, *count, stdout=subprocess.PIPE)
            self.ws76("connect", to, *flags, *common, stdin=out.stdout, stdout=subprocess.DEVNULL)
            self.pipe = out.stdout
            return out
        if kind == "replay":
            return self.begin_replay(to, common)
        flags = {"": [], "buffer": ["--buffer", "10000"], "redeliver": ["--buffer", "10000", "--redeliver"]}[option]
        self.wait_listening(self.ns[2], 9000)
        if kind.startswith("stdio"):
            out = self.peer(self.ns[0], "send", "dial", "-", "lines", sent, *count, stdout=subprocess.PIPE)
            self.ws76("bridge", "stdio:", to, *flags, *common, "--linger", "3s", stdin=out.stdout, stdout=subprocess.DEVNULL)
            self.pipe = out.stdout
            return out
        if self.from_broker:
            return self.begin_from_broker(to, common)
        if kind.startswith("connect"):
            out = self.peer(self.ns[0], "send", "listen", FROM, self.dialect, sent, *count)
            self.wait_listening(self.ns[0], 8000)
            self.ws76("bridge", "connect:" + d + "://" + FROM + "/", to, *flags, *common, stdin=subprocess.DEVNULL)
            return out
        tcp = kind.startswith("tcp")
        self.ws76("bridge", ("tcp://" if tcp else "ws://") + FROM, to, *flags, *common, stdin=subprocess.DEVNULL)
        self.wait_listening(self.ns[0], 8000)
        out = self.peer(self.ns[0], "send", "dial", FROM, "lines" if tcp else self.dialect, sent, *count)
        if tcp or self.to_broker:
            self.wait("a connection", self.share_socket, 20)
        return out

    def begin_replay(self, to, common):
        """A recording that was made at the rate at which others send."""
        with open(self.path("recording"), "w") as f, open(self.path("sent"), "w") as sent:
            for n in range(self.o.count):
                f.write('{"t":%g,"dir":"out","data":"%s"}\n' % (n / self.o.rate, ("%d " % n).ljust(SIZE, "x")))
                sent.write("%d\n" % n)
            sent.write("done\n")
        self.wait_listening(self.ns[2], 9000)
        return self.ws76("replay", self.path("recording"), to, "--linger", "3s", *common[:2], *common[3:5], "-v", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def begin_from_broker(self, to, common):
        """What the broker knows to be taken is gone: who ends leaves the rest to its successor."""
        kind = self.ends[0]
        broker = self.broker(kind, self.ns[0], FROM)
        url = {"mqtt": "mqtt://" + FROM + "/loss?qos=1&clean=0&client-id=press",
               "nats": "nats://" + FROM + "/loss.%3E?stream=LOSS&durable=press&ack-wait=2s"}[kind]
        self.bridge = lambda: self.ws76("bridge", url, to, "--reconnect", *common, stdin=subprocess.DEVNULL)
        self.bridge()
        if kind == "nats":
            return self.peer(self.ns[0], "send", "dial", FROM, "nats", self.path("sent"), *self.count())
        self.wait_subscribed("press")
        out = self.peer(self.ns[0], "send", "dial", "-", "lines", self.path("sent"), *self.count(), stdout=subprocess.PIPE)
        self.run(self.ns[0], ["mosquitto_pub", "-h", NEAR, "-p", "8000", "-t", "loss", "-q", "1", "-l"], stdin=out.stdout, stderr=subprocess.DEVNULL)
        return out

    def begin_hub(self):
        """A channel of two machines, over a NATS server on the one where its messages are read."""
        self.far = self.broker("nats", self.ns[2], TO)
        flags = ["-v", "--queue", "100000", "--hub", "nats://" + TO, "--dead-after", "%gs" % self.dead]
        self.ws76("serve", FROM, *flags, stdin=subprocess.DEVNULL)
        self.wait_listening(self.ns[0], 8000)
        self.run(self.ns[2], [self.o.ws76, "serve", FAR + ":9001", *flags], stdin=subprocess.DEVNULL, stderr=self.errors)
        self.wait_listening(self.ns[2], 9001)
        self.peer(self.ns[2], "receive", "dial", FAR + ":9001/ws/c/rw", self.dialect, self.path("received"))
        self.wait("a subscriber", lambda: "/ws/c" in open(self.path("errors")).read(), 20)
        return self.peer(self.ns[0], "send", "dial", FROM + "/ws/c/wo", "hixie-76", self.path("sent"), *self.count())

    def begin_serve(self):
        """A channel: who publishes is near, who reads is far."""
        self.ws76("serve", FROM, "-v", "--queue", "100000", "--dead-after", "%gs" % self.dead, *(["--idle", "%gs" % (self.o.stop - 1)] if self.fault == "self" else []), stdin=subprocess.DEVNULL)
        self.wait_listening(self.ns[0], 8000)
        fault = ["--fault", self.fault, "--after", 60, "--pause", self.o.stop] if self.fault in ("fin", "rst", "frame", "full") else []
        every = ["--every", 0.02] if self.fault == "slow" else []
        self.far = self.peer(self.ns[2], "receive", "dial", FROM + "/ws/c/rw", self.dialect, self.path("received"), "--buffer", BUFFER, *fault, *every)
        self.wait("a subscriber", lambda: "/ws/c" in open(self.path("errors")).read(), 30)
        time.sleep(0.3)
        return self.peer(self.ns[0], "send", "dial", FROM + "/ws/c/wo", "hixie-76", self.path("sent"),
                         *self.count())

    def count(self):
        # A machine of a hub sees that something is missing by what comes behind it.
        return ["--count", self.o.count * (3 if self.subject == "hub" else 1), "--rate", self.o.rate, "--linger", self.o.settle, "--size", SIZE]

    def share_socket(self):
        """Takes the socket that ws76 has accepted, too. It stays open when ws76 closes it, with
        what ws76 has not read in it."""
        with open("/proc/%d/net/tcp" % self.tool.pid) as f:
            rows = [x.split() for x in f]
        inodes = [x[9] for x in rows if x[1] == "01014C0A:1F40" and x[3] == "01"]  # 10.76.1.1:8000
        fds = "/proc/%d/fd/" % self.tool.pid
        for fd in os.listdir(fds):
            try:
                if os.readlink(fds + fd) not in ["socket:[%s]" % i for i in inodes]:
                    continue
            except FileNotFoundError:
                continue
            pidfd = os.pidfd_open(self.tool.pid)
            own = ctypes.CDLL(None, use_errno=True).syscall(438, pidfd, int(fd), 0)  # pidfd_getfd
            os.close(pidfd)
            if own < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            self.socket = socket.socket(fileno=own)
            return True
        return False

    def untaken(self):
        """How many of the messages that were sent ws76, which has ended, has never read, or not whole."""
        if self.pipe:
            os.set_blocking(self.pipe.fileno(), False)
            return (self.pipe.read() or b"").count(b"\n")
        if not self.socket:
            return 0
        self.socket.settimeout(10)  # its sender ends, too
        rest = b""
        try:
            while data := self.socket.recv(1 << 20):
                rest += data
        except OSError:
            pass
        if self.ends[0] == "tcp":
            return rest.count(b"\n")
        # Frames of one size, the first perhaps cut and behind the last a closing frame.
        size = SIZE + (8 if self.dialect == "rfc6455" else 2)
        return max(0, (len(rest) - 8 + size - 1) // size)

    def wait_listening(self, ns, port):
        text = ":%04X 00000000:0000 0A" % port

        def listens():
            return text in subprocess.run(["ip", "netns", "exec", ns, "cat", "/proc/net/tcp"], capture_output=True, text=True).stdout
        self.wait("a listener", listens, 30)

    # The faults of the network and of processes.

    def strike(self):
        # Of what opens a connection so much may be lost that it is given up, as it should.
        if not self.wait("messages", lambda: len(self.log("received")) >= 60, 60):
            return
        if self.fault == "loss":
            self.drop(20)
        serves = self.subject == "serve"
        if self.fault == "fin" and self.to_broker:
            self.far.terminate()
            self.far.wait()
            self.receiver(False)
        elif self.fault == "kill":
            self.far.kill()
            time.sleep(0.5)
            if self.subject == "hub":
                self.far = self.broker("nats", self.ns[2], TO)
            elif not serves:
                self.receiver(False)
        elif self.fault == "stop":
            self.stop(self.far, self.o.stop)
        elif self.fault == "self":
            self.stop(self.tool, self.o.stop)
        elif self.fault == "term":
            # Who reads is stopped, we are told to end, and then all that it has not read is gone.
            os.kill(self.far.pid, signal.SIGSTOP)
            time.sleep(1)
            self.tool.send_signal(signal.SIGTERM)
            self.wait("the end", lambda: self.tool.poll() is not None, 60)
            self.far.kill()
            if self.from_broker:
                self.far.wait()
                self.receiver(False)
                self.wait_listening(self.ns[2], 9000)
                self.bridge()
        elif self.fault in ("power", "half-open"):
            # The far machine is gone with all that its kernel knew.
            self.drop(100)
            self.ip("-n", self.ns[1], "link", "del", "far")
            self.far.kill()
            self.far.wait()
            self.ip("netns", "del", self.ns[2])
            time.sleep(0.5)
            self.connect("far", 2)
            if not serves:
                self.receiver(False)
                self.wait_listening(self.ns[2], 9000)
            # The other machine is back at once, or only when it was given up.
            time.sleep(self.o.dead + 2 if self.fault == "power" else 0.5)
            self.undrop()
        elif self.fault.startswith("cut"):
            self.drop(100)
            time.sleep(float(self.fault[4:-1]))
            self.undrop()

    def stop(self, p, seconds):
        pid = self.child(p.pid)
        os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def child(self, pid):
        return pid  # ip netns exec becomes the program

    # The account.

    def judge(self):
        sender = self.begin()
        self.strike()
        self.struck = time.time()
        self.wait("all sent", lambda: "done" in self.log("sent") or sender.poll() is not None, self.o.count / self.o.rate + self.o.settle)

        if self.fault == "loss":
            self.undrop()  # or the last of them take a minute

        def settled():
            if self.fault in LOSSLESS:
                return False
            got = len(self.log("received"))
            time.sleep(2)
            return len(self.log("received")) == got
        sent_now = lambda: len([x for x in self.log("sent") if x != "done"])
        self.wait("all received", lambda: len(set(self.log("received"))) >= sent_now() or (settled() and self.quiet()), self.o.settle)
        open(self.path("sent.end"), "w").close()
        self.wait("the end of the sender", lambda: sender.poll() is not None, 30)
        if self.subject.startswith(("connect", "stdio", "replay")):
            self.wait("the end", lambda: self.tool.poll() is not None, 60)
        if self.tool.poll() is None:
            self.tool.send_signal(signal.SIGTERM)
        self.wait("the end", lambda: self.tool.poll() is not None, 60)
        text = open(self.path("errors")).read()
        received = self.log("received")
        sent = [x for x in self.log("sent") if x != "done"]
        if self.subject == "hub" and received:  # the subscription takes its time to get about
            sent = sent[int(received[0]):]
        sent = max(len(sent) - self.untaken(), len(set(received)))
        if self.subject == "serve":
            sent = self.accepted(text)
        lost, unknown, again = said(LOST, text), said(UNKNOWN, text), said(AGAIN, text)
        missing, twice = sent - len(set(received)), len(received) - len(set(received))
        order = [int(n) for n in dict.fromkeys(received)]
        wrong = []
        # Of what ws76 has taken part of a line may be all, and a look is some milliseconds old.
        slack = self.o.slack if self.ends[0] in ("tcp", "stdio", "connect") and self.subject[:8] != "connect-" else 0
        if not sent:
            wrong.append("nothing was sent")
        if missing > lost + unknown + slack:
            wrong.append("%d lost in silence" % (missing - lost - unknown))
        # What a broker has not acknowledged it may have.
        if missing < lost - slack and not self.to_broker:
            wrong.append("%d said to be lost are there" % (lost - missing))
        if twice > again and not (self.from_broker or self.to_broker and twice <= WINDOW):
            wrong.append("%d twice" % twice)
        if order != sorted(order):
            wrong.append("out of order")
        if (self.fault in LOSSLESS and self.subject != "hub" or self.from_broker and self.dialect == "rfc6455") and missing:
            wrong.append("nothing may be lost here")
        # Where we have ended first, what our own system had is still on its way.
        if unknown > WINDOW and self.fault not in ("term", "full", "stop", "slow", "self", "loss"):
            wrong.append("%d not known is more than the %d that a window holds" % (unknown, WINDOW))
        # Unless the end comes while TO is away: then something was not sent.
        if self.subject.endswith("+redeliver") and self.fault != "term" and not lost and missing + unknown:
            wrong.append("nothing may be lost with --redeliver")
        row = [self.subject, self.dialect, self.fault, sent, len(set(received)), lost, unknown, twice, "; ".join(wrong) or "ok"]
        if wrong:
            row.append("\n" + text[-4096:])
        return row

    def quiet(self):
        """Nothing is on its way any more: who was given up is, and who paused goes on."""
        return time.time() - self.struck > self.dead + 3

    def accepted(self, text):
        """What a channel had for its subscriber: handed to the system, dropped and not sent."""
        total = 0
        for line in text.splitlines():
            m = re.search(r"(\d+) messages in, (\d+) out(?:, (\d+) dropped)?(?:, (\d+) not sent)?", line)
            if m and m[1] == "0":
                total += sum(int(n or 0) for n in m.groups()[1:])
        return total

    def result(self):
        try:
            self.up()
            return self.judge()
        except Exception as e:
            return [self.subject, self.dialect, self.fault, 0, 0, 0, 0, 0, "%s: %s" % (type(e).__name__, e)]
        finally:
            self.down()


SUBJECTS = ["ws-ws", "ws-ws+buffer", "ws-ws+redeliver", "ws-tcp", "ws-tcp+buffer", "tcp-ws", "tcp-ws+buffer", "tcp-tcp", "tcp-tcp+buffer",
            "tcp-tcp+redeliver", "stdio-ws", "stdio-ws+buffer", "stdio-ws+redeliver", "connect-tcp", "connect-tcp+buffer", "serve", "connect", "connect+reconnect", "replay",
            "ws-wss"]
FAULTS = ["fin", "rst", "frame", "kill", "stop", "self", "power", "half-open", "cut 1.5s", "loss", "slow", "full", "term"]
LONG = ["cut 15s", "cut 200s"]
LOSSLESS = ["stop", "self", "slow", "full", "loss"]
BROKERS = ["mqtt", "nats"]
# A broker that is not there while its messages are written down, or has no memory, says nothing of who sends to it.
OF_BROKERS = {
    "mqtt-ws": FAULTS, "nats-ws": FAULTS, "ws-mqtt": ["fin", "stop", "self", "cut 1.5s", "loss", "term"],
    "ws-nats": ["kill", "stop", "self", "power", "half-open", "cut 1.5s", "loss", "term"], "hub": ["kill", "stop", "self", "cut 1.5s", "loss"],
}
DIALECTS = ["hixie-75", "hixie-76", "rfc6455"]


def cases(o):
    number = pair = 0
    for s in SUBJECTS + (list(OF_BROKERS) if o.natsd else []):
        for f in OF_BROKERS.get(s, FAULTS) + (LONG if o.long else []):
            if f == "frame" and s.partition("+")[0].endswith("-tcp"):
                continue  # half a line is a line that ends with the stream
            dialects = ["hixie-76"] if s.startswith("tcp-tcp") else DIALECTS
            pair += 1
            for i, d in enumerate(dialects):
                number += 1
                # The short form has each pair of a subject and a fault once.
                if not o.long and not o.only and (i != pair % len(dialects) or s in OF_BROKERS and pair % 2):
                    continue
                if re.search(o.only, "%s %s %s" % (s, d, f)):
                    yield number, s, d, f


def main():
    p = argparse.ArgumentParser()
    p.add_argument("ws76")
    p.add_argument("--long", action="store_true")
    p.add_argument("--only", default="")
    p.add_argument("--jobs", type=int, default=16)
    p.add_argument("--natsd", default="", help="a NATS server, see interop/live/natsd")
    p.add_argument("--verbose", action="store_true")
    o = p.parse_args()
    o.dead, o.stop, o.settle, o.count, o.rate, o.slack = 3, 8, 40, 300, 100, 3
    if o.long:
        o.dead, o.stop, o.settle, o.count = 60, 45, 300, 1000
    begun = time.time()
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        rows = list(pool.map(lambda c: Case(o, *c).result(), cases(o)))
    bad = [r for r in rows if r[8] != "ok"]
    # Sixteen cases at once share what a small machine has; what comes again alone is ours.
    if not o.only and not o.long and len(bad) <= 3:
        again = [Case(o, number, *r[:3]).result() for number, r in enumerate(bad, 1000)]
        bad = [r for pair in zip(bad, again) if pair[1][8] != "ok" for r in pair]
    head = ["subject", "dialect", "fault", "sent", "received", "lost", "unknown", "twice", ""]
    width = [max(len(str(r[i])) for r in [head, *rows]) for i in range(8)]
    for r in [head, *(rows if o.verbose else bad)]:
        print("  ".join(str(x).ljust(w) for x, w in zip(r, width)), *r[8:])
    print("%d cases, %d failed, %d s" % (len(rows), len(bad), time.time() - begun))
    sys.exit(bool(bad))


main()
