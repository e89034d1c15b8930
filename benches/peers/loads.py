"""What is done to one server, and what it cost: a load on its port, and figures of its own processes meanwhile."""

import contextlib
import http.client
import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import common
import peers

HERE = Path(__file__).resolve().parent
WARM_UP_S = 1
SETTLE_S = 1
WRK_S_MAX = 60  # beyond the seconds that it was told
READY_S_MAX = 120  # of our own load: 10 000 connections through the slowest proxy
UPLOAD_BYTES = 64 * 1024
PIPELINED = 16
PROCESS_CLOCK = 2  # CPUCLOCK_SCHED


@dataclass
class Wrk:
    """A load of wrk: what it asks for, over how many connections, and the words that load.lua knows."""
    path: str
    connections: int = 0  # those of --connections
    words: tuple = ()
    body_bytes: int = peers.BODY_BYTES["small"]


WRK = {
    "small": Wrk("/small"),
    "small-1": Wrk("/small", 1),
    "small-512": Wrk("/small", 512),
    "10k": Wrk("/10k", body_bytes=peers.BODY_BYTES["10k"]),
    "1m": Wrk("/1m", body_bytes=peers.BODY_BYTES["1m"]),
    "upload": Wrk("/upload", words=("post", UPLOAD_BYTES)),
    "new-connection": Wrk("/small", words=("close",)),
    "pipelined": Wrk("/small", words=("pipeline", PIPELINED)),
}


def cpu_ns(pid):
    """Processor time of the process and its descendants so far, each with its ended threads, to the nanosecond: the
    kernel's own account of a process, where /proc/PID/stat would round to ticks of 10 ms."""
    times = {}
    for member in common.tree(pid):
        with contextlib.suppress(OSError):
            times[member] = time.clock_gettime_ns((~member << 3) | PROCESS_CLOCK)
    return times


def cpu_us_between(before, after):
    """None if a process ended meanwhile: what it took is not known then."""
    if not before or not before.keys() <= after.keys():
        return None
    return (sum(after.values()) - sum(before.values())) / 1e3


def memory_mib(pid, kind):
    """Summed over the processes. VmRSS counts pages that nginx's workers share once for each; RssAnon is without the
    pages of files, so that what grows in it is what was allocated."""
    kib = 0
    for member in common.tree(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{member}/status").read_text().splitlines()
            kib += sum(int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))
    return kib / 1024


def check_answer(name, port, load):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    post = load.words[:1] == ("post",)
    try:
        connection.request("POST" if post else "GET", load.path, b"x" * load.words[1] if post else None)
        answer = connection.getresponse()
        body_bytes = len(answer.read())
    except (OSError, http.client.HTTPException) as error:
        common.give_up(f"{name} did not answer: {error or type(error).__name__}")
    finally:
        connection.close()
    if answer.status != 200 or body_bytes != load.body_bytes:
        common.give_up(f"{name} answered {answer.status} with {body_bytes} bytes, not 200 with {load.body_bytes}")


def wrk(port, load, connections, seconds):
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", HERE / "load.lua",
               f"http://127.0.0.1:{port}{load.path}", "--", *load.words]
    try:
        done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=seconds + WRK_S_MAX)
    except subprocess.TimeoutExpired:
        common.give_up(f"wrk did not end within {WRK_S_MAX} s")
    result = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode or not result:
        common.give_up(f"wrk failed:\n{done.stdout}")
    return json.loads(result.removeprefix("RESULT "))


def sample_of(name, server, before, after, raw):
    cpu = cpu_us_between(before, after)
    if server.process.poll() is not None or cpu is None:
        common.give_up(f"a process of {name} ended under load")
    return {
        "requests_per_s": raw["requests"] / (raw["duration_us"] / 1e6),
        "p50_ms": raw["p50_us"] / 1e3,
        "p99_ms": raw["p99_us"] / 1e3,
        "cpu_us_per_request": cpu / max(raw["requests"], 1),
        "rss_mib": memory_mib(server.process.pid, "VmRSS"),
    }


def measure_wrk(name, server, load, args):
    connections = load.connections or args.connections
    warm_up = wrk(server.port, load, connections, WARM_UP_S)
    before = cpu_ns(server.process.pid)
    raw = wrk(server.port, load, connections, args.seconds)
    sample = sample_of(name, server, before, cpu_ns(server.process.pid), raw)
    if load.words[:1] == ("pipeline",):
        del sample["p50_ms"], sample["p99_ms"]  # wrk takes one time for all that it sent at once
    if load.path == "/1m":
        sample["cpu_us_per_mib"] = sample["cpu_us_per_request"] * 2**20 / load.body_bytes
    errors = sum(run[kind] for run in (warm_up, raw) for kind in ("connect", "read", "write", "timeout", "status"))
    if raw["bytes"] < raw["requests"] * load.body_bytes or not raw["requests"]:
        errors += 1  # bodies were cut short, or nothing was answered at all
    return sample | {"errors": errors, "raw": raw}


@contextlib.contextmanager
def streams(directory, *words):
    """Runs streams.py; gives it, a function that tells it to go on and one that waits for its next line."""
    log = directory / f"streams-{words[0]}.log"
    command = ["setpriv", "--pdeathsig", "TERM", "--", sys.executable, HERE / "streams.py", *map(str, words)]
    with open(log, "wb") as said, \
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said) as process:
        def hear(seconds):
            ready, _, _ = select.select([process.stdout], [], [], seconds)
            line = process.stdout.readline().decode().strip() if ready else ""
            if not line:
                common.give_up(f"streams.py {words[0]} said nothing:\n{log.read_text(errors='replace')[-1000:]}")
            return line

        def go():
            process.stdin.write(b"go\n")
            process.stdin.flush()

        try:
            yield process, go, hear
        finally:
            process.kill()


def measure_stream(kind, name, server, directory, args):
    """Events or echoes for some seconds, after all connections have had one."""
    with streams(directory, kind, server.port, args.seconds) as (_, go, hear):
        hear(READY_S_MAX)
        before = cpu_ns(server.process.pid)
        go()
        raw = json.loads(hear(args.seconds + READY_S_MAX))
        return sample_of(name, server, before, cpu_ns(server.process.pid), raw) | {"errors": raw["errors"], "raw": raw}


def measure_idle(name, start, directory, args):
    """A server of its own for each time: memory that an earlier load has left would take what these connections need."""
    with start() as server, streams(directory, "idle", server.port, args.idle) as (_, go, hear):
        check_answer(name, server.port, WRK["small"])
        before = memory_mib(server.process.pid, "RssAnon")
        go()
        hear(READY_S_MAX)
        time.sleep(SETTLE_S)
        grown = memory_mib(server.process.pid, "RssAnon") - before
        rss = memory_mib(server.process.pid, "VmRSS")
        go()
        raw = json.loads(hear(READY_S_MAX))
        return {"kib_per_connection": grown * 1024 / args.idle, "rss_mib": rss, "errors": raw["errors"], "raw": raw}
