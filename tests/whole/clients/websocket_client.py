"""A WebSocket client of websocket_server.py: websocket_client.py FACT URL"""

import asyncio
import hashlib
import sys

import bounded
import content
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.extensions.permessage_deflate import PerMessageDeflate

LARGE_BLOCKS = 1024  # of 64 KiB: 64 MiB
SOCKETS = 200
PINGS = 3
# Around the lengths where a frame's head grows, and one that fills every buffer on the way.
LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 1_000_000]


def open_to(url, path, **options):
    options = {"compression": None, "ping_interval": None, "proxy": None, "max_size": None,
               "open_timeout": bounded.CLIENT_S_MAX} | options
    return connect(url.replace("http://", "ws://") + path, **options)


def equal(got, expected):
    assert got == expected, f"{str(got)[:500]} is not {str(expected)[:500]}"


async def end_of(socket):
    """Reads to the end; the close frame that came, or None for an end without one."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None


async def messages(url):
    async with open_to(url, "echo") as socket:
        for length in LENGTHS:
            for message in (b"\x00\xff\r\n" * (length // 4 + 1))[:length], ("häß€𝄞" * (length // 5 + 1))[:length]:
                await socket.send(message)
                equal(await socket.recv(), message)
        sent = [f"message {number}" for number in range(1000)]
        for message in sent:
            await socket.send(message)
        equal([await socket.recv() for _ in sent], sent)


async def greeting(url):
    async with open_to(url, "greeting") as socket:
        equal(await socket.recv(), "hello")
        await socket.send("hello too")
        equal(await socket.recv(), "hello too")


async def fragments(url):
    async with open_to(url, "fragments") as socket:
        # Either side ends a message that it sends in fragments with an empty one.
        await socket.send(["a", "", "bc", "def", "g"])
        equal(await socket.recv(), "6 fragments: abcdefg")
        equal([fragment async for fragment in socket.recv_streaming()], ["one, ", "", "two, ", "three", ""])


async def pings(url):
    async with open_to(url, "ping") as socket:
        for number in range(PINGS):
            await (await socket.ping(f"client {number}"))
        equal(await socket.recv(), f"{PINGS} pongs")


async def large(url):
    whole = b"".join(content.blocks(LARGE_BLOCKS))
    async with open_to(url, "echo") as socket:
        await socket.send(whole)
        back = await socket.recv()
        equal((len(back), hashlib.sha256(back).digest()), (len(whole), hashlib.sha256(whole).digest()))


async def close(url):
    async with open_to(url, "close?code=4001&reason=server%20says%20so") as socket:
        equal(await end_of(socket), (4001, "server says so"))
    async with open_to(url, "watched?name=close") as socket:
        equal(await socket.recv(), "watched")
        await socket.close(4002, "client says so")
        equal((socket.close_code, socket.close_reason), (4002, "client says so"))
    async with open_to(url, "ended?name=close") as socket:
        equal(await socket.recv(), "4002 client says so")


async def parallel(url):
    async def one(number):
        async with open_to(url, "barrier") as socket:
            equal(await socket.recv(), "all are here")
            for turn in range(5):
                await socket.send(f"{number}: {turn}")
                equal(await socket.recv(), f"{number}: {turn}")

    await asyncio.gather(*map(one, range(SOCKETS)))


async def abrupt(url):
    async with open_to(url, "drop") as socket:
        await socket.send("now")
        equal(await end_of(socket), None)
    async with open_to(url, "watched?name=abrupt") as socket:
        equal(await socket.recv(), "watched")
        socket.transport.abort()
    async with open_to(url, "ended?name=abrupt") as socket:
        equal(await socket.recv(), "abrupt")


async def negotiation(url):
    async with open_to(url, "echo", subprotocols=["chat.v1", "chat.v9"]) as socket:
        equal((socket.subprotocol, socket.protocol.extensions), ("chat.v1", []))
    async with open_to(url, "echo", compression="deflate") as socket:
        equal([type(extension) for extension in socket.protocol.extensions], [PerMessageDeflate])
        equal(socket.subprotocol, None)
        message = "again and " * 100_000
        await socket.send(message)
        equal(await socket.recv(), message)


async def refusal(url):
    try:
        async with open_to(url, "nowhere"):
            raise AssertionError("the server took it")
    except InvalidStatus as refused:
        equal((refused.response.status_code, refused.response.body), (403, b"not here\n"))


FACTS = {"messages": messages, "greeting": greeting, "fragments": fragments, "pings": pings, "large": large,
         "close": close, "parallel": parallel, "abrupt": abrupt, "negotiation": negotiation, "refusal": refusal}

bounded.by(bounded.CLIENT_S_MAX)
asyncio.run(FACTS[sys.argv[1]](sys.argv[2]))
