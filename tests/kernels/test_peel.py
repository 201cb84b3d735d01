"""The peeling kernel against the obvious: remove the lightest node of a list, again and again."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairpay.fraud.signals.dense_block import Graph, densest
from fairpay.fraud.traces import Pairs

EDGES = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 5)), max_size=30)


def graph(edges: set[tuple[int, int]]) -> Graph:
    """Make a graph of 8 users and 6 artists."""
    ordered = sorted(edges)
    start = np.searchsorted([user for user, _ in ordered], np.arange(9))
    artist = np.array([artist for _, artist in ordered], dtype=np.uint32)
    return Graph.of(Pairs(start, artist, np.ones(len(ordered), dtype=np.int64)), artists=6)


def density(made: Graph, nodes: set[int]) -> Fraction:
    """Add up the edges inside a set of nodes, for each node; artists are numbered after the users."""
    weight = made.weights().tolist()
    ends = zip(made.user.tolist(), (made.artist + 8).tolist(), weight, strict=True)
    return Fraction(sum(w for u, a, w in ends if u in nodes and a in nodes), max(1, len(nodes)))


def peeled(made: Graph) -> Fraction:
    """Peel by hand and return the greatest density met."""
    nodes = set(made.user.tolist()) | set((made.artist + 8).tolist())
    best = Fraction(0)
    while nodes:
        best = max(best, density(made, nodes))
        held = {node: sum(density(made, {node, one}) * 2 for one in nodes - {node}) for node in nodes}
        nodes.remove(min(nodes, key=lambda node: (held[node], -node)))
    return best


@given(EDGES)
def test_the_block_is_as_dense_as_peeling_by_hand_finds(edges: set[tuple[int, int]]) -> None:
    made = graph(edges)
    block = densest(made)
    assert density(made, set(block.users.tolist()) | set((block.artists + 8).tolist())) == peeled(made)


@given(EDGES)
def test_the_edges_of_a_block_lie_inside_it_and_leave_with_it(edges: set[tuple[int, int]]) -> None:
    made = graph(edges)
    block = densest(made)
    inside = np.isin(made.user, block.users) & np.isin(made.artist, block.artists)
    assert block.edges.tolist() == np.flatnonzero(inside).tolist()
    assert len(made.without(block).user) == len(edges) - len(block.edges)
