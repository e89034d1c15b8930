"""What the benches share: starting programs so that they are always stopped again, and reading Standin's start."""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent
START_S_MAX = 10
STOP_S_MAX = 5


class GaveUp(SystemExit):
    """What `give_up` raises: one who can go on without that may catch it, which no signal is lost by."""


def give_up(message):
    raise GaveUp(f"error: {message}")


def stop_on_signals():
    """Being told to stop becomes SystemExit, so that every `finally` runs."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def raise_open_files():
    """Thousands of connections need more than the usual soft limit; the children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def install(*programs):
    if subprocess.run([REPO / "tests/install", *programs], stdin=subprocess.DEVNULL).returncode:
        raise SystemExit(1)
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where nginx and haproxy are, which a normal user's PATH lacks


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


@contextlib.contextmanager
def temp_dir(parent=None):
    path = Path(tempfile.mkdtemp(prefix="standin-bench-", dir=parent))
    path.chmod(0o755)  # nginx's workers read it as another user when started by root
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def tree(pid):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):
                parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(entry))
    pids = [pid]
    for parent in pids:
        pids += children.get(parent, [])
    return pids


@contextlib.contextmanager
def running(command, log, env=None):
    """Runs `command` with its output in the file `log`, and ends its whole process tree on leaving."""
    with open(log, "wb") as output:
        # setpriv: should this script be killed outright, the child gets a SIGTERM all the same.
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "--", *map(str, command)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env,
        )
    try:
        yield process
    finally:
        pids = tree(process.pid) if process.poll() is None else []
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S_MAX)
        if process.poll() is None:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def wait_until(ready, process, log, what):
    """Waits until `ready()` is true; what the program said is in the error when it never is."""
    deadline = time.monotonic() + START_S_MAX
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            give_up(f"{what} did not start:\n{Path(log).read_text(errors='replace')[-2000:]}")
        time.sleep(0.02)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def standin(binary, directory, *arguments):
    """Starts Standin with its data in `directory`; gives the process, the front's port and the admin's port."""
    log = directory / "standin.log"
    command = [binary, "serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
               "--data-dir", directory / "data", *arguments]
    env = {name: value for name, value in os.environ.items() if not name.startswith("STANDIN_")}
    with running(command, log, env) as process:
        wait_until(lambda: re.search(r"^ready", log.read_text(errors="replace"), re.M), process, log, "standin")
        said = log.read_text(errors="replace")
        ports = [re.search(rf"\b{name}\s+http://[^\s/]+:(\d+)/", said) for name in ("front", "admin")]
        if not all(ports):
            give_up(f"standin did not say its ports:\n{said}")
        yield process, int(ports[0][1]), int(ports[1][1])


def standin_binary(path):
    if not Path(path).is_file():
        give_up(f"{path} is missing: run cargo build --release first, or name another with --standin")
    return Path(path).resolve()


def version_of(*command):
    """The first thing that looks like a version in what a command says (nginx says it on stderr, wrk exits with 1)."""
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=30)
    version = re.search(r"\d+\.\d+[\w.+~-]*", done.stdout)
    return version[0] if version else "unknown"


def machine():
    model = re.search(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {"cpu": model[1] if model else os.uname().machine, "cores": len(os.sched_getaffinity(0)),
            "kernel": os.uname().release}


def commit():
    def git(*arguments):
        done = subprocess.run(["git", "-C", REPO, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    return (git("rev-parse", "--short=12", "HEAD") or "none") + (" (changed)" if git("status", "--porcelain") else "")
