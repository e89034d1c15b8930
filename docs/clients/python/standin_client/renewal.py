"""Keeping a lease while the program that needs the mount runs."""

from __future__ import annotations

import threading
from typing import Callable

from .model import Lease
from .problem import Problem, StandinError

RENEWALS_PER_TTL = 3


class Renewal:
    """Renews in a thread, three times in a lease's life, from `with` on until its end. Afterwards the lease runs out by
    itself, so that another process can take over within it."""

    def __init__(self, renew: Callable[[], Lease]) -> None:
        self._renew = renew
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="standin-lease", daemon=True)
        self._period_s = 0.0
        self.failure: StandinError | None = None
        """Why the last renewal failed; None while all is well. One that is refused for good is the last."""

    def __enter__(self) -> Renewal:
        # The first one here, where a refusal is seen.
        self._period_s = self._renew()["ttl_s"] / RENEWALS_PER_TTL
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Raises what the last renewal failed with, if it did."""
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        while not self._ended.wait(self._period_s):
            try:
                self._renew()
                self.failure = None
            except StandinError as failure:
                self.failure = failure
                if isinstance(failure, Problem) and failure.retry_after_s is None:
                    return
