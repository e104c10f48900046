"""Boundaries of the looks: published tables, simulation, and p-values that agree with them."""

import numpy as np
import pytest
from scipy.special import ndtr

from burnish.domain.gate.boundaries import boundaries, boundary_table, spent

QUARTERS = (0.25, 0.5, 0.75, 1.0)
FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.mark.parametrize(
    ("fractions", "level", "published"),
    [
        # Lan-DeMets with O'Brien-Fleming spending, as in Reboussin et al. (2000) and gsDesign's sfLDOF.
        (QUARTERS, 0.025, (4.333, 2.963, 2.359, 2.014)),
        (FIFTHS, 0.025, (4.877, 3.357, 2.680, 2.290, 2.031)),
        ((0.5, 1.0), 0.025, (2.963, 1.969)),
        ((1.0,), 0.025, (1.960,)),
    ],
)
def test_boundaries_equal_the_published_tables(
    fractions: tuple[float, ...], level: float, published: tuple[float, ...]
) -> None:
    """To three decimals, at the levels that books print."""
    assert published == tuple(round(z, 3) for z in boundaries(fractions, level))


@pytest.mark.parametrize("level", [0.05, 0.01, 0.005])
@pytest.mark.parametrize("fractions", [QUARTERS, (0.3, 0.5, 0.9, 1.0), (0.51, 0.76, 1.0)])
def test_a_random_walk_crosses_as_often_as_was_spent(fractions: tuple[float, ...], level: float) -> None:
    """By each look, for equal and unequal fractions; and the repeated p-value is below the level exactly then."""
    rng = np.random.default_rng(7)
    walks = 400_000
    steps = np.sqrt(np.diff((0.0, *fractions)))
    z = np.cumsum(rng.standard_normal((walks, len(fractions))) * steps, axis=1) / np.sqrt(fractions)
    bounds = boundaries(fractions, level)
    crossed = np.zeros(walks, dtype=bool)
    for look, (fraction, bound) in enumerate(zip(fractions, bounds, strict=True)):
        crossed |= z[:, look] > bound
        expected = spent(fraction, level)
        assert abs(crossed.mean() - expected) < 4 * np.sqrt(expected / walks) + 1e-6
    table = boundary_table(fractions)
    p_values = np.min(
        [ndtr(-np.interp(z[:, k], table.by_look[k], table.level_z)) for k in range(len(fractions))], axis=0
    )
    assert 4 >= int(((p_values < level) != crossed).sum())  # the table's rounding, in 400,000 walks


@pytest.mark.parametrize("level", [0.2, 0.03, 0.0109, 0.00037])
def test_a_boundary_and_its_p_value_are_one_thing(level: float) -> None:
    """A hair above the boundary of any look gives a p-value below the level, a hair below does not."""
    table = boundary_table(QUARTERS)
    for look in range(4):
        bound = table.boundary(look, level)
        assert table.p_value(look, bound + 1e-6) < level <= table.p_value(look, bound - 1e-6)


def test_p_values_end_where_the_table_does() -> None:
    """Little evidence is no evidence, and no evidence is beyond all doubt."""
    table = boundary_table(QUARTERS)
    assert 1.0 == table.p_value(3, 0.1)
    assert 1e-10 < table.p_value(3, 38.0) < 1e-8


@pytest.mark.parametrize("fractions", [(), (0.0, 1.0), (0.5, 0.5), (0.7, 0.4), (0.5, 1.2)])
def test_fractions_that_make_no_sense_are_refused(fractions: tuple[float, ...]) -> None:
    """Information only grows, up to all of it."""
    with pytest.raises(ValueError, match="information fractions"):
        boundaries(fractions, 0.05)
