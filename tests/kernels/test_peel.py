"""The peeling kernel against the obvious: remove the lightest node of a list, again and again."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairpay.fraud.signals.dense_block import OFFSET, UNIT, densest

Edge = tuple[int, int]
EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(8, 13)), max_size=30)


def found(edges: list[Edge]) -> list[int]:
    """The places of the edges that are found; artists are numbered after the users."""
    users, artists = np.array([u for u, _ in edges], np.int64), np.array([a - 8 for _, a in edges], np.uint32)
    return densest(users, artists).tolist()


def density(edges: list[Edge], nodes: set[int]) -> Fraction:
    """Add up the edges inside a set of nodes, for each node."""
    fans = Counter(artist for _, artist in edges)
    inside = [a for u, a in edges if u in nodes and a in nodes]
    return Fraction(sum(round(UNIT / float(np.log(fans[a] + OFFSET))) for a in inside), max(1, len(nodes)))


def peeled(edges: list[Edge]) -> Fraction:
    """Peel by hand and return the greatest density met."""
    nodes, best = {node for edge in edges for node in edge}, Fraction(0)
    while nodes:
        best = max(best, density(edges, nodes))
        held = {node: sum(density(edges, {node, one}) * 2 for one in nodes - {node}) for node in nodes}
        nodes.remove(min(nodes, key=lambda node: (held[node], -node)))
    return best


@given(EDGES)
def test_the_block_is_as_dense_as_peeling_by_hand_finds(edges: set[Edge]) -> None:
    ordered = sorted(edges)
    nodes = {node for place in found(ordered) for node in ordered[place]}
    assert density(ordered, nodes) == peeled(ordered)


@given(EDGES)
def test_the_edges_of_a_block_are_all_that_lie_inside_it(edges: set[Edge]) -> None:
    ordered = sorted(edges)
    block = found(ordered)
    nodes = {node for place in block for node in ordered[place]}
    assert block == [place for place, edge in enumerate(ordered) if nodes.issuperset(edge)]
