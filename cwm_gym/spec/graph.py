"""Cycles in a directed graph of names."""

from __future__ import annotations

from collections.abc import Iterable


def find_cycle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """Find one cycle.

    Args:
        edges: (source, target) pairs.

    Returns:
        The names along the cycle, the first one again at the end; empty where there is none.
    """
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    done: set[str] = set()
    for root in following:
        # Depth first without recursion: a chain of resources may be long.
        path = [root]
        ahead = [iter(following[root])]
        while path:
            name = next(ahead[-1], None)
            if name is None:
                done.add(path.pop())
                ahead.pop()
            elif name in path:
                return [*path[path.index(name) :], name]
            elif name not in done:
                path.append(name)
                ahead.append(iter(following.get(name, ())))
    return []
