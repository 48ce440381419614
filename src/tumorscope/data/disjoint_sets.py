"""Things that belong together, pair by pair."""

from __future__ import annotations

from typing import Generic, TypeVar

_Member = TypeVar("_Member", int, tuple[int, str])


class DisjointSets(Generic[_Member]):
    """Sets that grow by joining, each named after its least member; a stranger is alone."""

    def __init__(self) -> None:
        self._parent: dict[_Member, _Member] = {}

    def find(self, member: _Member) -> _Member:
        """Return the name of the member's set."""
        parent = self._parent
        while parent.get(member, member) != member:
            above = parent[member]
            parent[member] = parent.get(above, above)  # halves the way for those that follow
            member = parent[member]
        return member

    def join(self, first: _Member, second: _Member) -> _Member:
        """Join the sets of two members, and return the name of both."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parent[high] = low
        return low
