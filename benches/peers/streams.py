"""The origin and the load for what wrk can't do: events to many, echoes over WebSockets, idle connections.

usage: streams.py origin | sse PORT SECONDS | websocket PORT SECONDS | idle PORT COUNT
Run by loads.py. Says "ready" (the origin its port), waits for a line, and says a line of JSON. One thread and epoll on
either side, with messages of fixed length, so that the proxy between them has most of the work.
"""

import base64
import contextlib
import hashlib
import json
import re
import select
import socket
import sys
import time

SUBSCRIBERS = 200
EVENTS_PER_S = 50
WEBSOCKETS = 64
AT_ONCE = 64  # idle connections that are opened at a time
ANSWER_S_MAX = 30
EVENT = re.compile(rb"data: (\d{10}) (\d{20}) x{66}\n\n")  # its number, and the clock when it was sent
KEY = base64.b64encode(b"sixteen bytes !!")
PAYLOAD = b"y" * 64
ASKED = b"\x82\xc0\0\0\0\0" + PAYLOAD  # a frame of a client, masked with zeros
ECHOED = b"\x82\x40" + PAYLOAD  # and the same of a server


def say(what):
    print(what, flush=True)


def connect(port):
    stream = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


def head_of(stream):
    """The head of an answer, and what came with it."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = stream.recv(65536)
        if not part:
            raise ConnectionError("closed before its head")
        data += part
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


class Origin:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.listener.setblocking(False)
        self.epoll = select.epoll()
        self.epoll.register(self.listener, select.EPOLLIN)
        self.streams, self.subscribers, self.kept = {}, {}, {}
        self.number = 0

    def run(self):
        say(self.listener.getsockname()[1])
        due = time.monotonic()
        while True:
            for fd, _ in self.epoll.poll(max(0, due - time.monotonic())):
                if fd == self.listener.fileno():
                    with contextlib.suppress(OSError):
                        stream, _ = self.listener.accept()
                        stream.setblocking(False)
                        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                        self.streams[stream.fileno()] = stream
                        self.kept[stream.fileno()] = b""
                        self.epoll.register(stream, select.EPOLLIN)
                else:
                    self.answer(fd)
            if time.monotonic() >= due:
                due += 1 / EVENTS_PER_S
                self.tell_all()

    def close(self, fd):
        self.streams.pop(fd).close()
        self.kept.pop(fd)
        self.subscribers.pop(fd, None)

    def answer(self, fd):
        stream = self.streams[fd]
        try:
            data = stream.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close(fd)
            return
        data = self.kept[fd] + data
        while data.startswith(ASKED[:2]) and len(data) >= len(ASKED):
            stream.sendall(b"\x82\x40" + data[6:len(ASKED)])
            data = data[len(ASKED):]
        if b"\r\n\r\n" in data:
            head, _, data = data.partition(b"\r\n\r\n")
            self.begin(fd, stream, head)
        self.kept[fd] = data

    def begin(self, fd, stream, head):
        key = re.search(rb"\r\nsec-websocket-key: *(\S+)", head, re.I)
        if head.startswith(b"GET /ws") and key:
            digest = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + base64.b64encode(digest) + b"\r\n\r\n")
        elif head.startswith(b"GET /events"):
            # X-Accel-Buffering is how an origin tells nginx not to collect what it streams.
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                           b"X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.subscribers[fd] = stream
        else:
            stream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b"x" * 100)

    def tell_all(self):
        self.number += 1
        for fd, stream in list(self.subscribers.items()):
            event = b"data: %010d %020d %b\n\n" % (self.number, time.monotonic_ns(), b"x" * 66)
            try:
                stream.send(b"%x\r\n%b\r\n" % (len(event), event))
            except OSError:
                self.close(fd)


def result(times, seconds, errors):
    """Of times in nanoseconds; in the words that load.lua has for them."""
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] / 1e3 if times else 0  # noqa: E731
    say(json.dumps({"requests": len(times), "duration_us": seconds * 1e6, "p50_us": at(0.5), "p99_us": at(0.99),
                    "errors": errors + (not times)}))


def sse(port, seconds):
    """Everybody hears every event, in order; the time of one is from the origin's sending."""
    streams, kept, heard = {}, {}, {}
    epoll = select.epoll()
    asked = [connect(port) for _ in range(SUBSCRIBERS)]
    for stream in asked:
        stream.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n")
    for stream in asked:  # some proxies send the head together with the first event only
        head, kept[stream.fileno()] = head_of(stream)
        if b" 200 " not in head:
            raise ConnectionError(head.decode(errors="replace"))
        stream.setblocking(False)
        streams[stream.fileno()] = stream
        epoll.register(stream, select.EPOLLIN)
    times, errors, end = [], 0, None
    while end is None or time.monotonic() < end:
        for fd, _ in epoll.poll(0.1):
            data = streams[fd].recv(65536)
            if not data:
                errors += 1
                epoll.unregister(fd)
                continue
            now = time.monotonic_ns()
            data, last = kept[fd] + data, 0
            for event in EVENT.finditer(data):
                number, last = int(event[1]), event.end()
                errors += number != heard.get(fd, number - 1) + 1
                heard[fd] = number
                times.append(now - int(event[2]))
            kept[fd] = data[last:]
        if end is None and len(heard) == SUBSCRIBERS:
            say("ready")
            sys.stdin.readline()
            times, errors, end = [], 0, time.monotonic() + seconds
    errors += len(times) < SUBSCRIBERS * EVENTS_PER_S * seconds * 0.9
    result(times, seconds, errors)


def websocket(port, seconds):
    """Each connection has one message under way."""
    streams, sent, kept = {}, {}, {}
    epoll = select.epoll()
    for _ in range(WEBSOCKETS):
        stream = connect(port)
        stream.sendall(b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + KEY + b"\r\n\r\n")
        head, _ = head_of(stream)
        stream.sendall(ASKED)
        if b" 101 " not in head or stream.recv(65536) != ECHOED:
            raise ConnectionError("no echo: " + head.decode(errors="replace"))
        streams[stream.fileno()] = stream
        epoll.register(stream, select.EPOLLIN)
    say("ready")
    sys.stdin.readline()
    times, errors, end = [], 0, time.monotonic() + seconds
    for fd, stream in streams.items():
        kept[fd], sent[fd] = b"", time.perf_counter_ns()
        stream.sendall(ASKED)
    while time.monotonic() < end:
        for fd, _ in epoll.poll(0.1):
            data = kept[fd] + streams[fd].recv(65536)
            if data != ECHOED:
                if len(data) < len(ECHOED) and data != kept[fd]:
                    kept[fd] = data
                    continue
                errors += 1
                epoll.unregister(fd)
                continue
            now = time.perf_counter_ns()
            times.append(now - sent[fd])
            kept[fd], sent[fd] = b"", now
            streams[fd].sendall(ASKED)
    result(times, seconds, errors)


def idle(port, count):
    """Opens them after the first line, each with a request and its answer; after the second looks if all are open."""
    streams = []
    sys.stdin.readline()
    while len(streams) < count:
        some = [connect(port) for _ in range(min(AT_ONCE, count - len(streams)))]
        for stream in some:
            stream.sendall(b"GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        for stream in some:
            head, body = head_of(stream)
            length = int(re.search(rb"content-length: *(\d+)", head, re.I)[1])
            while len(body) < length:
                body += stream.recv(65536) or b"x" * length
            if b" 200 " not in head:
                raise ConnectionError(head.decode(errors="replace"))
            stream.setblocking(False)
        streams += some
    say("ready")
    sys.stdin.readline()
    closed = 0
    for stream in streams:
        try:
            closed += stream.recv(1) is not None
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
    say(json.dumps({"requests": count, "errors": closed}))


def main():
    what, *numbers = sys.argv[1:]
    numbers = list(map(int, numbers))
    if what == "origin":
        Origin().run()
    else:
        {"sse": sse, "websocket": websocket, "idle": idle}[what](*numbers)


if __name__ == "__main__":
    main()
