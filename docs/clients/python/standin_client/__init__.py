"""A client for Standin's admin API. Standard library only, Python 3.10 or later.

    from standin_client import Client
    client = Client()  # the server of this user, or of STANDIN_ADMIN and STANDIN_TOKEN
    client.put_mount("orgs", {"kind": "regular", "match": {"path": "/orgs"}, "address": "http://server3:8680/"})
"""

from .client import Client
from .connection import Server
from .events import Event
from .model import Applied, Lease, Mount, MountSpec, Operation, Preview, Revision, Token
from .problem import Fault, LostRace, NotFoundHere, Problem, StandinError, TooOld, Unreachable
from .renewal import Renewal

__all__ = [
    "Applied",
    "Client",
    "Event",
    "Fault",
    "Lease",
    "LostRace",
    "Mount",
    "MountSpec",
    "NotFoundHere",
    "Operation",
    "Preview",
    "Problem",
    "Renewal",
    "Revision",
    "Server",
    "StandinError",
    "Token",
    "TooOld",
    "Unreachable",
]
