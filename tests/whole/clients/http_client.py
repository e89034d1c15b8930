"""requests and httpx as clients of wsgi.py: http_client.py LIBRARY FACT URL"""

import asyncio
import concurrent.futures
import sys

import bounded
import content
import wsgi

BLOCKS = 160  # of 64 KiB: 10 MiB
REQUESTS = 100
CONNECTIONS_MAX = 16
REDIRECTIONS = 3


class Requests:
    def __init__(self):
        import requests
        import requests.adapters
        self.session = requests.Session()
        self.session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=CONNECTIONS_MAX, pool_block=True)
        self.session.mount("http://", adapter)
        self.pools = adapter.poolmanager.pools

    def get(self, url, fields=None):
        return self.session.get(url, headers=fields)

    def post(self, url, body):
        return self.session.post(url, data=body)

    def download(self, url):
        with self.session.get(url, stream=True) as response:
            return response, content.sha256(response.iter_content(content.BLOCK_BYTES))

    def all(self, urls):
        """The texts in their order, and how many connections were opened for them."""
        with concurrent.futures.ThreadPoolExecutor(len(urls)) as threads:
            texts = list(threads.map(lambda url: self.get(url).text, urls))
        return texts, sum(self.pools[origin].num_connections for origin in self.pools.keys())


class Httpx:
    def __init__(self):
        import httpx
        self.client = httpx.Client(trust_env=False, follow_redirects=True, timeout=bounded.CLIENT_S_MAX,
                                   limits=httpx.Limits(max_connections=CONNECTIONS_MAX))

    def get(self, url, fields=None):
        return self.client.get(url, headers=fields)

    def post(self, url, body):
        return self.client.post(url, content=body)

    def download(self, url):
        with self.client.stream("GET", url) as response:
            return response, content.sha256(response.iter_bytes())

    def all(self, urls):
        with concurrent.futures.ThreadPoolExecutor(len(urls)) as threads:
            return texts_and_connections(threads.map(self.with_port, urls))

    def with_port(self, url):
        with self.client.stream("GET", url) as response:
            return response.read().decode(), local_port(response)


class HttpxAsync:
    def __init__(self):
        import httpx
        self.runner = asyncio.Runner()
        self.client = httpx.AsyncClient(trust_env=False, follow_redirects=True, timeout=bounded.CLIENT_S_MAX,
                                        limits=httpx.Limits(max_connections=CONNECTIONS_MAX))

    def get(self, url, fields=None):
        return self.runner.run(self.client.get(url, headers=fields))

    def post(self, url, body):
        async def parts():
            for part in body:
                yield part

        return self.runner.run(self.client.post(url, content=body if isinstance(body, bytes) else parts()))

    def download(self, url):
        async def fetch():
            async with self.client.stream("GET", url) as response:
                return response, content.sha256([part async for part in response.aiter_bytes()])

        return self.runner.run(fetch())

    def all(self, urls):
        async def fetch(url):
            async with self.client.stream("GET", url) as response:
                return (await response.aread()).decode(), local_port(response)

        async def fetch_all():
            return await asyncio.gather(*map(fetch, urls))

        return texts_and_connections(self.runner.run(fetch_all()))


def local_port(response):
    return response.extensions["network_stream"].get_extra_info("client_addr")[1]


def texts_and_connections(pairs):
    texts, ports = zip(*pairs)
    return list(texts), len(set(ports))


def equal(got, expected):
    assert got == expected, f"{str(got)[:500]} is not {str(expected)[:500]}"


def streams(client, url):
    sha256, length = content.sha256(content.blocks(BLOCKS))
    told = client.post(f"{url}digest", content.blocks(BLOCKS)).json()
    equal(told, {"sha256": sha256, "bytes": length, "method": "POST", "framing": "chunked"})
    whole = b"".join(content.blocks(BLOCKS))
    told = client.post(f"{url}digest", whole).json()
    equal(told, {"sha256": sha256, "bytes": length, "method": "POST", "framing": str(length)})
    for framing, field in ("chunked", "Transfer-Encoding"), ("length", "Content-Length"):
        response, got = client.download(f"{url}{framing}/{BLOCKS}")
        assert field in response.headers, f"{framing}: {response.headers}"
        equal(got, (sha256, length))


def parallel(client, url):
    texts, connections = client.all([f"{url}number/{number}" for number in range(REQUESTS)])
    equal(texts, [str(number) for number in range(REQUESTS)])
    assert 1 < connections <= CONNECTIONS_MAX, f"{connections} connections for {REQUESTS} requests"


def fields(client, url):
    sent = {f"X-Ask-{number}": f"{number}-".ljust(wsgi.FIELD_BYTES, "v") for number in range(wsgi.FIELDS)}
    response = client.get(f"{url}fields", sent)
    arrived = response.json()
    for name, value in sent.items():
        equal(arrived[f"HTTP_{name.upper().replace('-', '_')}"], value)
    for number in range(wsgi.FIELDS):
        equal(response.headers[f"x-answer-{number}"], f"{number}-".ljust(wsgi.FIELD_BYTES, "v"))


def redirections(client, url):
    response = client.get(f"{url}redirect/{REDIRECTIONS}")
    equal(len(response.history), REDIRECTIONS + 1)
    equal(response.json()["method"], "GET")
    response = client.post(f"{url}moved", b"again")
    equal([earlier.status_code for earlier in response.history], [307])
    told = response.json()
    equal((told["method"], told["bytes"]), ("POST", 5))


def main():
    bounded.by(bounded.CLIENT_S_MAX)
    _, library, fact, url = sys.argv
    client = {"requests": Requests, "httpx": Httpx, "httpx-async": HttpxAsync}[library]()
    {"streams": streams, "parallel": parallel, "fields": fields, "redirections": redirections}[fact](client, url)


main()
