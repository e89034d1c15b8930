"""A WebSocket server on a free port, which it tells. What it does depends on the path; see `HANDLERS`."""

import asyncio
import http
import urllib.parse

import bounded
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

SOCKETS = 200
PINGS = 3
FRAGMENTS = ["one, ", "", "two, ", "three"]

everybody = asyncio.Barrier(SOCKETS)
# By name: how a connection of /watched ended.
ends = {}


def parameters(socket):
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(socket.request.path).query))


def end_of(name):
    return ends.setdefault(name, asyncio.get_running_loop().create_future())


async def echo(socket):
    async for message in socket:
        await socket.send(message)


async def greeting(socket):
    """Speaks first: its message comes right behind the head of the response."""
    await socket.send("hello")
    await echo(socket)


async def fragments(socket):
    """Tells in how many fragments a message came, then sends one in fragments."""
    received = [fragment async for fragment in socket.recv_streaming()]
    await socket.send(f"{len(received)} fragments: {''.join(received)}")
    await socket.send(FRAGMENTS)
    await socket.wait_closed()


async def ping(socket):
    for number in range(PINGS):
        await (await socket.ping(f"server {number}"))
    await socket.send(f"{PINGS} pongs")
    await socket.wait_closed()


async def close(socket):
    asked = parameters(socket)
    await socket.close(int(asked["code"]), asked["reason"])


async def drop(socket):
    await socket.recv()
    socket.transport.abort()


async def watched(socket):
    end = end_of(parameters(socket)["name"])
    try:
        await socket.send("watched")
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        end.set_result(f"{closed.rcvd.code} {closed.rcvd.reason}" if closed.rcvd else "abrupt")


async def ended(socket):
    await socket.send(await end_of(parameters(socket)["name"]))


async def barrier(socket):
    await everybody.wait()
    await socket.send("all are here")
    await echo(socket)


HANDLERS = {"/echo": echo, "/greeting": greeting, "/fragments": fragments, "/ping": ping, "/close": close,
            "/drop": drop, "/watched": watched, "/ended": ended, "/barrier": barrier}


def check(connection, request):
    if urllib.parse.urlsplit(request.path).path not in HANDLERS:
        return connection.respond(http.HTTPStatus.FORBIDDEN, "not here\n")


def choose(connection, offered):
    return next((name for name in ("chat.v2", "chat.v1") if name in offered), None)


async def handle(socket):
    await HANDLERS[urllib.parse.urlsplit(socket.request.path).path](socket)


async def main():
    bounded.by(bounded.SERVER_S_MAX)
    async with serve(handle, "127.0.0.1", 0, process_request=check, select_subprotocol=choose, max_size=None,
                     ping_interval=None, open_timeout=bounded.CLIENT_S_MAX) as server:
        print("ready", server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
