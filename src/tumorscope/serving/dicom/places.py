"""Who is served at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

GIVE_WAY_S: Final = 1.0
NEWCOMER_S: Final = 0.3
"""An association that sent nothing of use for this long gives way when a place is needed; the
shorter time is for those of which no image was answered yet."""
TURN_S: Final = 0.5
"""Where so many wait that not all would get a place within this time, newcomers give way sooner."""

LOG: Final = logging.getLogger("tumorscope.node")


class Place:
    """The place of one association.

    Attributes
    ----------
    address
        Network address of the sender.
    calling
        Its application entity title, as it says.
    silent_s
        Seconds since it last sent something of use; 0 while it waits for an answer.
    cut
        Ends the connection at once, from any thread.
    ended
        Called once the association is over.
    stored, refused
        Instances that were told success, and others.
    kept
        Bytes on the disk of the data set that is being received or answered.
    """

    def __init__(self, address: str, calling: str) -> None:
        self.address, self.calling = address, calling
        self.silent_s: Callable[[], float] = lambda: 0.0
        self.cut: Callable[[], None] = lambda: None
        self.ended: Callable[[], None] = lambda: None
        self.stored = self.refused = self.kept = 0

    def __str__(self) -> str:
        """Name the sender in the log; a title may hold anything."""
        return f"{self.calling!r} at {self.address}"


class Places:
    """Places of associations, in all and for each address. Safe to use from several threads.

    Parameters
    ----------
    in_all, per_peer
        How many there are.
    """

    def __init__(self, *, in_all: int, per_peer: int) -> None:
        self._in_all, self._per_peer = in_all, per_peer
        self._taken: list[Place] = []
        self._lock = threading.Lock()

    def take(self, address: str, calling: str, *, waiting: int = 1) -> Place | None:
        """Return a place, or ``None`` as long as all are busy.

        One that is silent gives way, so that senders who connect and wait keep nobody out.

        Parameters
        ----------
        address, calling
            Of the sender.
        waiting
            How many wait for a place.
        """
        with self._lock:
            full = self._full(address)
            victim = _most_spare(full, min(NEWCOMER_S, TURN_S * len(full) / waiting))
            if full and victim is None:
                return None
            place = Place(address, calling)
            self._taken.append(place)
            if victim is not None:
                self._taken.remove(victim)
        if victim is not None:
            LOG.warning("association of %s, silent, gave way to that of %s", victim, place)
            victim.cut()
        return place

    def leave(self, place: Place) -> None:
        """Free a place, once or more often."""
        with self._lock:
            if place in self._taken:
                self._taken.remove(place)

    def taken(self) -> list[Place]:
        """Return the places in use."""
        with self._lock:
            return list(self._taken)

    def kept(self) -> int:
        """Return the bytes on the disk of all."""
        return sum(place.kept for place in self.taken())

    def drain(self, seconds: float, *, silent_s: float) -> None:
        """Wait until all have left; cut those that are silent for long, and the others at last."""
        end = time.monotonic() + seconds
        while places := self.taken():
            late = time.monotonic() >= end
            for place in places:
                if late or place.silent_s() >= silent_s:
                    place.cut()
                    self.leave(place)
            time.sleep(0.05)

    def _full(self, address: str) -> list[Place]:
        """Return those of whom one would have to leave; none while there is room."""
        of_peer = [one for one in self._taken if one.address == address]
        if len(of_peer) >= self._per_peer:
            return of_peer
        return list(self._taken) if len(self._taken) >= self._in_all else []


def _most_spare(places: list[Place], newcomer_s: float) -> Place | None:
    """Return that which gives way: newcomers first, then by silence."""
    spare = [
        (one.stored == 0, silent, one)
        for one in places
        if (silent := one.silent_s()) >= (GIVE_WAY_S if one.stored else newcomer_s)
    ]
    return max(spare, key=lambda one: one[:2])[2] if spare else None
