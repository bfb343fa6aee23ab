#!/usr/bin/env python3
"""Numbered messages, sent and received by nobody's code but this.

peer.py receive|send listen|dial HOST:PORT[/PATH] PROTOCOL LOG [options]

PROTOCOL is hixie-75, hixie-76, rfc6455, or lines over TCP or, as send - -, on standard
output; who sends also knows nats, on the subject loss.x. LOG gets each number once it has been read from, or written to, the socket. A
receiver reads on after a fault of its own making, on the connections that come next.
"""
import argparse, base64, hashlib, os, random, signal, socket, ssl, struct, sys, threading, time

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Gone(Exception):
    pass


class Stream:
    def __init__(self, sock):
        self.sock, self.buf, self.final = sock, b"", False

    def more(self):
        data = b"" if self.final else self.sock.recv(65536)
        if not data:
            raise Gone("end")
        self.buf += data

    def until(self, mark):
        while mark not in self.buf:
            self.more()
        head, self.buf = self.buf.split(mark, 1)
        return head

    def exactly(self, n):
        while len(self.buf) < n:
            self.more()
        head, self.buf = self.buf[:n], self.buf[n:]
        return head


def fields(head):
    return {k.strip().lower(): v[1:] if v[:1] == b" " else v for k, _, v in (l.partition(b":") for l in head.split(b"\r\n")[1:])}


def key_number(key):
    return int(bytes(c for c in key if 48 <= c <= 57)) // key.count(b" ")


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def open_server(s, protocol):
    head = s.until(b"\r\n\r\n")
    f, resource = fields(head), head.split(b" ")[1]
    if protocol == "rfc6455":
        s.sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Accept: " + accept_key(f[b"sec-websocket-key"].strip()) + b"\r\n\r\n")
        return
    prefix = b"Sec-" if protocol == "hixie-76" else b""
    answer = (b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
              + prefix + b"WebSocket-Origin: " + f[b"origin"] + b"\r\n"
              + prefix + b"WebSocket-Location: ws://" + f[b"host"] + resource + b"\r\n\r\n")
    if protocol == "hixie-76":
        numbers = struct.pack(">II", key_number(f[b"sec-websocket-key1"]), key_number(f[b"sec-websocket-key2"]))
        answer += hashlib.md5(numbers + s.exactly(8)).digest()
    s.sock.sendall(answer)


def open_client(s, protocol, host, path):
    head = b"GET /" + path + b" HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: " + host + b"\r\nOrigin: http://" + host + b"\r\n"
    if protocol == "rfc6455":
        key = base64.b64encode(os.urandom(16))
        s.sock.sendall(head + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n")
        got = s.until(b"\r\n\r\n")
        assert fields(got)[b"sec-websocket-accept"].strip() == accept_key(key), got
        return
    if protocol == "hixie-76":
        # The keys of the draft's own example, section 1.2.
        head += b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n"
        s.sock.sendall(head + b"\r\n^n:ds[4U")
        got = s.until(b"\r\n\r\n")
        assert s.exactly(16) == b"8jKS'y:G*Co,Wxa-", got
        return
    s.sock.sendall(head + b"\r\n")
    assert b" 101 " in s.until(b"\r\n\r\n")


def frame(protocol, data, client, op=1):
    if protocol == "lines":
        return data + b"\n"
    if protocol == "nats":
        return b"PUB loss.x %d\r\n%s\r\n" % (len(data), data)
    if protocol != "rfc6455":
        return b"\x00" + data + b"\xff"
    n, masked = len(data), 0x80 if client else 0
    head = bytes([0x80 | op]) + (bytes([masked | n]) if n < 126 else struct.pack(">BH", masked | 126, n))
    return head + (masking(os.urandom(4), data) if client else data)


def masking(mask, data):
    key = int.from_bytes((mask * (len(data) // 4 + 1))[:len(data)], "big")
    return mask + (int.from_bytes(data, "big") ^ key).to_bytes(len(data), "big")


def receive_one(s, protocol, client):
    """The next message; Gone at the closing frame, which is answered."""
    if protocol == "lines":
        return s.until(b"\n")
    if protocol == "nats":
        if s.until(b"\r\n") == b"PING":
            s.sock.sendall(b"PONG\r\n")
        return b""
    if protocol != "rfc6455":
        first = s.exactly(1)
        if first == b"\xff":
            s.exactly(1)
            s.sock.sendall(b"\xff\x00")
            raise Gone("closed")
        return s.until(b"\xff")
    while True:
        b0, b1 = s.exactly(2)
        n = b1 & 0x7F
        if n == 126:
            n = struct.unpack(">H", s.exactly(2))[0]
        mask = s.exactly(4) if b1 & 0x80 else b"\0\0\0\0"
        data = masking(mask, s.exactly(n))[4:]
        op = b0 & 15
        if op == 9:
            s.sock.sendall(frame(protocol, data, client, 10))
        elif op == 8:
            s.sock.sendall(frame(protocol, data[:2], client, 8))
            raise Gone("closed")
        elif op in (1, 2):
            return data


class Peer:
    def __init__(self, o):
        self.o = o
        self.log = open(o.log, "a", buffering=1)
        self.faulty = bool(o.fault)
        self.host, _, path = o.address.partition("/")
        self.path = path.encode()

    def run(self):
        if self.o.address == "-":
            return self.send(None)
        host, port = self.host.rsplit(":", 1)
        if self.o.how == "listen":
            l = socket.socket()
            l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if self.o.buffer:
                l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.o.buffer)
            l.bind((host, int(port)))
            l.listen(16)
            while True:
                sock = l.accept()[0]
                threading.Thread(target=self.one, args=(sock, False), daemon=True).start()
        deadline = time.time() + 30
        while True:
            try:
                sock = socket.socket()
                if self.o.buffer:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.o.buffer)
                sock.settimeout(5)
                sock.connect((host, int(port)))
                break
            except OSError:
                if time.time() > deadline:
                    raise
                time.sleep(0.05)
        sock.settimeout(None)
        self.one(sock, True)

    def one(self, sock, client):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.o.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.o.tls)
                sock = context.wrap_socket(sock, server_side=True)
            s = Stream(sock)
            if self.o.protocol == "nats":
                sock.sendall(b'CONNECT {"verbose":false}\r\n')
            elif self.o.protocol != "lines":
                if client:
                    open_client(s, self.o.protocol, self.host.encode(), self.path)
                else:
                    open_server(s, self.o.protocol)
            if self.o.role == "send":
                self.send(s, client)
            else:
                self.receive(s, client)
        except (Gone, OSError) as e:
            if self.o.tls and str(e) in ("closed", "end"):
                self.unwrap(sock)
        finally:
            sock.close()

    def unwrap(self, sock):
        """The end of a stream over TLS, which is more than that of TCP's."""
        try:
            sock.settimeout(5)
            sock.unwrap()
        except OSError:
            pass

    def receive(self, s, client):
        n = 0
        while True:
            data = receive_one(s, self.o.protocol, client)
            n += 1
            number = data.split(b" ")[0]
            if number.isdigit():
                self.log.write(number.decode() + "\n")
            if self.o.every:
                time.sleep(self.o.every)
            if self.faulty and n == self.o.after:
                self.faulty = False
                self.fail(s, client)

    def fail(self, s, client):
        if self.o.fault == "fin":  # who ends properly has read all that it has taken off the socket
            s.final = True
            return
        if self.o.fault == "rst":
            s.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.o.fault == "frame":
            s.sock.sendall(frame(self.o.protocol, b"half of this", client)[:5])
        elif self.o.fault == "full":
            time.sleep(self.o.pause)
            return
        raise Gone(self.o.fault)

    def send(self, s, client=True):
        over = threading.Event()

        def watch():
            try:
                while True:
                    receive_one(s, self.o.protocol, client)
            except (Gone, OSError, IndexError):
                over.set()

        if s:
            threading.Thread(target=watch, daemon=True).start()
        start = time.time()
        for n in range(self.o.count):
            if over.is_set():
                break
            data = b"%d " % n
            data += b"x" * (self.o.size - len(data))
            try:
                if s:
                    s.sock.sendall(frame(self.o.protocol, data, client))
                else:
                    os.write(1, data + b"\n")
            except OSError:
                break
            self.log.write("%d\n" % n)
            time.sleep(max(0, start + (n + 1) / self.o.rate - time.time()))
        self.log.write("done\n")
        deadline = time.time() + self.o.linger
        while time.time() < deadline and not over.is_set() and not os.path.exists(self.o.log + ".end"):
            time.sleep(0.02)
        if s and self.o.protocol == "rfc6455":
            s.sock.sendall(frame(self.o.protocol, b"\x03\xe8", client, 8))
        elif s and self.o.protocol == "hixie-76":
            s.sock.sendall(b"\xff\x00")
        if s and self.o.protocol != "nats":
            if self.o.protocol in ("lines", "hixie-75"):
                s.sock.shutdown(socket.SHUT_WR)
            over.wait(5)


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    p = argparse.ArgumentParser()
    p.add_argument("role", choices=["receive", "send"])
    p.add_argument("how", choices=["listen", "dial"])
    p.add_argument("address")
    p.add_argument("protocol")
    p.add_argument("log")
    p.add_argument("--size", type=int, default=0)
    p.add_argument("--count", type=int, default=300)
    p.add_argument("--rate", type=float, default=100)
    p.add_argument("--linger", type=float, default=60)
    p.add_argument("--tls", default="", help="a certificate and its key, of a listener")
    p.add_argument("--fault", default="")
    p.add_argument("--after", type=int, default=100)
    p.add_argument("--every", type=float, default=0)
    p.add_argument("--pause", type=float, default=5)
    p.add_argument("--buffer", type=int, default=0)
    Peer(p.parse_args()).run()


main()
