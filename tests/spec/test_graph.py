from __future__ import annotations

import pytest

from cwm_gym.spec.graph import find_cycle


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ("", ""),
        ("ab bc cd", ""),
        ("ab ac bd cd ad", ""),
        ("bc ab ca", "b c a b"),
        ("ab bc cd dc", "c d c"),
        ("ab cd dc", "c d c"),
        ("aa", "a a"),
        ("ab ac cd de ec", "c d e c"),
    ],
)
def test_cycles_are_found_wherever_they_hang(edges: str, cycle: str) -> None:
    assert find_cycle((edge[0], edge[1]) for edge in edges.split()) == cycle.split()


def test_long_chains_need_no_recursion() -> None:
    chain = [(str(i), str(i + 1)) for i in range(2000)]
    assert find_cycle(chain) == []
    assert len(find_cycle([*chain, ("2000", "0")])) == 2002
