"""docs/clients/python against a running server.

usage: standin_client_checks.py PACKAGES DATA_DIR SECTION...
"""

import http.server
import itertools
import os
import socket
import sys
import tempfile
from pathlib import Path
import threading

import bounded

bounded.by(bounded.CLIENT_S_MAX)
packages, data_dir, *sections = sys.argv[1:]
sys.path.insert(0, packages)
os.environ["STANDIN_DATA_DIR"] = data_dir

from standin_client import (  # noqa: E402
    Client,
    LostRace,
    NotFoundHere,
    Problem,
    Renewal,
    Server,
    StandinError,
    TooOld,
    Unreachable,
)

# Nobody listens there, and nothing is sent there.
UPSTREAM = "http://127.0.0.1:9/"


def spec(path, **members):
    return {"kind": "regular", "match": {"path": path}, "address": UPSTREAM, **members}


def raised(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def basics():
    """Mounts are made, read, listed and replaced, and what is wrong is told."""
    client = Client()
    made = client.put_mount("basics", spec("/basics"))
    assert made["id"] == "basics" and made["match"] == {"path": "/basics"} and made["revision"] > 0, made
    shown = client.mount("basics")
    lasting = ["id", "kind", "match", "address", "revision", "created_at", "updated_at", "links"]
    assert all(shown[name] == made[name] for name in lasting), (shown, made)
    assert "basics" in [mount["id"] for mount in client.mounts()]
    assert client.put_mount("basics", spec("/basics", strip_prefix=False))["strip_prefix"] is False
    assert client.create_mount(spec("/basics-2"))["links"]["self"].startswith("/v1/mounts/")
    invalid = raised(Problem, lambda: client.put_mount("basics", {"kind": "regular", "match": {"path": "no"}}))
    assert invalid.status == 422 and {error["pointer"] for error in invalid.errors} == {"/address", "/match/path"}
    assert "/match/path" in str(invalid) and invalid.request_id and invalid.retry_after_s is None
    assert raised(Problem, lambda: client.create_mount(spec("/basics"))).status == 409
    assert raised(Problem, lambda: client.mount("no such/mount?")).status == 404
    assert client.import_state({"mounts": [spec("/basics", id="basics")]})["updated"] == ["basics"]
    paste = f"[app:main]\nuse = egg:Paste#proxy\naddress = {UPSTREAM}\n"
    assert len(client.import_paste(paste, dry_run=True)["created"]) == 1


def discovery():
    """Address and token come from arguments, then the environment, then the data directory."""
    found = Server.find()
    assert found.token not in repr(found)
    assert Server.find("unix:/x", "y") == Server("unix:/x", "y")
    os.environ.update(STANDIN_ADMIN=found.address, STANDIN_TOKEN="wrong")
    assert Server.find() == Server(found.address, "wrong")
    assert raised(Problem, lambda: list(Client().mounts())).status == 401
    del os.environ["STANDIN_ADMIN"], os.environ["STANDIN_TOKEN"]
    with tempfile.TemporaryDirectory() as home:  # the token of the user's own goes to its own server only
        own = Path(home, "standin")
        own.mkdir()
        Path(own, "admin").write_text(found.address)
        Path(own, "token").write_text(found.token)
        kept = os.environ.pop("STANDIN_DATA_DIR", None)
        os.environ["XDG_STATE_HOME"] = home
        assert Server.find() == Server.find(found.address) == found
        assert "no token is known" in str(raised(NotFoundHere, lambda: Server.find("http://127.0.0.1:1")))
        del os.environ["XDG_STATE_HOME"]
        if kept:
            os.environ["STANDIN_DATA_DIR"] = kept
    with tempfile.TemporaryDirectory() as empty:
        assert empty in str(raised(NotFoundHere, lambda: Client(data_dir=empty)))
    with socket.socket() as bound:  # and nobody listens
        bound.bind(("127.0.0.1", 0))
        nobody = Client(f"http://127.0.0.1:{bound.getsockname()[1]}", "y")
        raised(Unreachable, lambda: nobody.mount("x"))
    raised(NotFoundHere, lambda: Client("ftp://h/x", "y").mount("x"))


def streams():
    """Events go on where a connection broke off, and stop where the server says that it is over."""
    asked = []
    replies = iter(
        [
            b': alive\n\nevent: hello\ndata: {"revision": 5, "oldest": 1}\n\n'
            b"id: 5\nevent: mount\ndata: {\"a\":\ndata: 1}\n\nevent: state\ndata: 2\n\nid: 6\ndata: hal",
            b"",
            None,
            b"id: 6\r\ndata: 3\r\n\r\nid: 9\n\n",
            410,
        ]
    )

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Last-Event-ID"])
            reply = next(replies)
            if reply is None:  # gone without a word
                return
            status = reply if isinstance(reply, int) else 200
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b'{"detail": "too old"}' if status == 410 else reply)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        seen = []
        try:
            for event in Client(f"127.0.0.1:{server.server_port}", "y").events(since=4, mount="m"):
                seen.append((event.type, event.data, event.id))
        except TooOld as error:
            assert error.detail == "too old"
        server.shutdown()
        thread.join()
    assert seen == [("mount", {"a": 1}, 5), ("state", 2, None), ("message", 3, 6)], seen
    assert asked == ["4", "5", "5", "5", "9"], asked


def renewals():
    """A lease is renewed until the end, over what passes; what is refused for good is told."""
    for_good, busy = Problem(404, {"detail": "gone"}), Problem(503, {"detail": "busy"}, 1)
    outcomes = [None, busy, None, for_good]
    renewed = threading.Semaphore(0)

    def renew():
        renewed.release()
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return {"id": "x", "ttl_s": 0.03, "on_expiry": "delete", "expires_at": ""}

    with Renewal(renew) as renewal:
        for _ in range(4):
            assert renewed.acquire(timeout=20)
        renewal._thread.join(20)
        assert not renewal._thread.is_alive()
    assert raised(Problem, renewal.check) is for_good and outcomes == []
    outcomes = [for_good]
    raised(Problem, lambda: Renewal(renew).__enter__())


def changes():
    """A lost race is told, a patch changes members, a preview nothing."""
    client = Client()
    first = client.put_mount("changes", spec("/changes"), if_absent=True, reason="a test")
    raised(LostRace, lambda: client.put_mount("changes", spec("/changes"), if_absent=True))
    patched = client.patch_mount("changes", {"labels": {"app": "x"}}, if_match=first["revision"])
    assert patched["labels"] == {"app": "x"} and patched["revision"] > first["revision"]
    raised(LostRace, lambda: client.patch_mount("changes", {}, if_match=first["revision"]))
    # What was read may be edited and sent back.
    patched["strip_prefix"] = False
    assert client.put_mount("changes", patched)["strip_prefix"] is False
    assert [mount["id"] for mount in client.mounts(labels={"app": "x"}, limit=1)] == ["changes"]
    assert client.preview_delete("changes")["action"] == "delete"
    done = client.wait(client.delete_mount("changes", mode="kill"))
    assert done["state"] == "done" and done["requests"] == 0, done
    assert raised(Problem, lambda: client.mount("changes")).status == 404


def pages():
    """A list is whole, however it is cut."""
    client = Client()
    wanted = {client.put_mount(f"page-{number}", spec(f"/page/{number}"))["id"] for number in range(5)}
    assert {mount["id"] for mount in client.mounts(path_prefix="/page", limit=2)} == wanted
    some = client.mounts(ids=["page-3", "page-1", "nobody"], state=["starting", "open"], search="PAGE", limit=1)
    assert [mount["id"] for mount in some] == ["page-1", "page-3"]


def life():
    """A mount is paused, drained, disabled and open again."""
    client = Client()
    client.put_mount("life", spec("/life", lease={"ttl_s": 60, "on_expiry": "disable"}))
    assert client.pause("life")["state"] == "paused"
    assert client.resume("life")["state"] == "open"
    client.wait(client.drain("life", mode="kill"))
    assert client.disable("life")["enabled"] is False
    assert client.enable("life")["enabled"] is True
    assert client.restart("life")["id"] == "life"
    assert client.renew("life", ttl_s=90)["ttl_s"] == 90
    with client.keep("life") as kept:
        kept.check()


def sets():
    """The mounts of an owner are what was applied."""
    client = Client()
    two = [spec("/set/1", id="set-1"), spec("/set/2", id="set-2")]
    assert sorted(client.apply("ci", two)["created"]) == ["set-1", "set-2"]
    assert sorted(client.apply("ci", two)["unchanged"]) == ["set-1", "set-2"]
    assert client.apply("ci", two[:1], prune=True, dry_run=True)["deleted"] == ["set-2"]
    assert client.apply("ci", two[:1], prune=True)["deleted"] == ["set-2"]
    assert client.import_state(client.export())["unchanged"]
    assert client.explain("http://h.example/set/1/x")["mount"] == "set-1"


def journal():
    """What happened is read back, followed, and undone."""
    client = Client()
    made = client.put_mount("journal", spec("/journal"), reason="to see it")
    following = client.events(since=made["revision"] - 1, mount="journal", types=["create", "delete"])
    assert next(following).id == made["revision"]
    entry = client.revision(made["revision"])
    assert entry["mount"] == "journal" and entry["why"] == "to see it" and entry["before"] is None, entry
    assert made["revision"] in [entry["revision"] for entry in client.revisions("journal")]
    assert list(itertools.islice(client.revisions(limit=1), 2))
    gone = client.delete_mount("journal")
    deleted = next(following)
    assert deleted.type == "delete" and deleted.id == gone and deleted.data["after"] is None, deleted
    following.close()
    restored = client.restore(gone, to="before")
    assert client.mount("journal", min_revision=restored)["match"] == {"path": "/journal"}
    assert client.stats() and client.stats("journal") and "standin_" in client.metrics()


def callers():
    """A token is told once, and lets in whom it names."""
    client = Client()
    token = client.create_token("reader", read_only=True)
    reader = Client(token=token["token"])
    assert raised(Problem, lambda: reader.put_mount("callers", spec("/callers"))).status == 403
    assert "reader" in [known["name"] for known in client.tokens()]
    assert reader.caller() == {"name": "reader", "read_only": True, "owner": None}
    assert all("token" not in known for known in client.tokens())
    client.delete_token("reader")
    assert raised(StandinError, lambda: list(reader.mounts())).status == 401


for section in sections:
    globals()[section]()
