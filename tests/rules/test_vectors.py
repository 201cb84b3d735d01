"""Shared test vectors, where they are at hand: exact rationals for cap, 40 digits for the others.

The vectors lie beside the project and are not part of it; a checkout without them skips these tests.
"""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import naive
import numpy as np
import pytest

from fairpay.rules import find_rule

FOLDER = Path(__file__).parents[3] / "shared" / "vectors"
FINE = 10**12
"""Minor units for one of money."""


def load(name: str) -> list[dict[str, Any]]:
    """The cases of one file of vectors; none where it is not there."""
    path = FOLDER / name
    return json.loads(path.read_text())["cases"] if path.exists() else []


def month_of(case: dict[str, Any]) -> naive.NaiveMonth:
    """A case as a month with money in millionths of a millionth."""
    rate = Fraction(case["alpha"])
    fees = {f"u{i:03}": int(Fraction(fee) * FINE) for i, fee in enumerate(case["fees"])}
    rows = [(f"u{i:03}", f"a{j:03}", x) for i, mine in enumerate(case["streams"]) for j, x in enumerate(mine) if x]
    return naive.NaiveMonth(rows, fees, pool=int(rate * sum(fees.values())), rate=rate, blocks=3, seed=7)


CASES = [pytest.param(case, id=f"case{i}") for i, case in enumerate(load("rules.json"))]
RULES = {
    "cap": "bounded:b={b}",
    "smooth": "bounded:force=smooth,b={b}",
    "bayes": "bounded:force=bayes,b={b}",
    "user_centric": "user-centric",
    "geometric_median": "geometric-median",
    "independent_markets": "independent-markets",
}


@pytest.mark.skipif(not CASES, reason="the vectors are not beside this checkout")
@pytest.mark.parametrize("key", RULES)
@pytest.mark.parametrize("case", CASES or [{}])
def test_a_rule_pays_what_the_vectors_say(case: dict[str, Any], key: str) -> None:
    month = month_of(case)
    found = naive.run(find_rule(RULES[key].format(b=case["b"])), month) / FINE
    assert np.allclose(found, case[key], rtol=1e-8 if key == "geometric_median" else 1e-9, atol=1e-9)


@pytest.mark.skipif(not CASES, reason="the vectors are not beside this checkout")
@pytest.mark.parametrize("case", CASES or [{}])
def test_cap_is_the_exact_rational_of_the_vectors(case: dict[str, Any]) -> None:
    month = month_of(case)
    rule = find_rule(f"bounded:b={case['b']}")
    expected = [Fraction(text) * FINE for text in case["cap_exact"]]
    assert naive.exact(rule, month.listeners, artists=len(expected), pool=Fraction(month.pool)) == expected
    assert all(abs(int(x) - want) < 1 for x, want in zip(naive.run(rule, month), expected, strict=True))


POINTS = [pytest.param(case, id=case["tag"][:40]) for case in load("geometric_median.json")]


def embedded(points: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Lay points isometrically, but for a scale, into the simplex one dimension up; return basis and scale too."""
    dim = points.shape[1]
    basis = np.linalg.svd(np.ones((1, dim + 1)))[2][1:]
    scale = 0.5 / (dim + 1) / max(np.abs((points - points.mean(axis=0)) @ basis).max(), 1e-300)
    return (points - points.mean(axis=0)) @ basis * scale + 1 / (dim + 1), basis, scale


@pytest.mark.skipif(not POINTS, reason="the vectors are not beside this checkout")
@pytest.mark.parametrize("case", POINTS or [{}])
def test_the_geometric_median_is_that_of_the_vectors(case: dict[str, Any]) -> None:
    points = np.array(case["points"], dtype=float)
    shares, basis, scale = embedded(points)
    amounts = np.round(shares * 2.0**50).astype(np.int64)
    rows = [(f"u{i:04}", f"a{j:02}", int(x)) for i, mine in enumerate(amounts) for j, x in enumerate(mine) if x]
    fees = {f"u{i:04}": round(w * 10**6) for i, w in enumerate(case["weights"])}
    month = naive.NaiveMonth(rows, fees, pool=2**60, blocks=3)
    paid = naive.run(find_rule("geometric-median"), month) / 2.0**60
    found = (paid - 1 / (points.shape[1] + 1)) @ basis.T / scale + points.mean(axis=0)
    assert np.abs(found - np.array(case["reference"])).max() < 1e-8 * max(1.0, np.abs(points).max())
