from burnish.domain.agreement import STANDARD, Rating, stand
from burnish.domain.confusion import confusion


def test_the_majority_of_people_stands_against_the_judge() -> None:
    """Rows are people's, columns the judge's; a tie is in no row and counted."""
    ratings = [
        Rating(1.0, (1.0,)),
        Rating(1.0, (1.0, 1.0, 0.0)),
        Rating(0.0, (1.0,)),
        Rating(1.0, (0.0,)),
        Rating(0.0, (0.0,)),
        Rating(1.0, (1.0, 0.0)),
    ]
    table = confusion(ratings, 0.5)
    assert (("pass", "fail"), ((2, 1), (1, 1)), 1, 5) == (table.labels, table.counts, table.tied, table.items)


def test_the_table_holds_what_the_coefficients_are_of() -> None:
    """Its items are those of the standing, and the share on its diagonal is the observed agreement."""
    ratings = [Rating(float(n % 3 > 0), (float(n % 4 > 0), float(n % 5 > 0))) for n in range(60)]
    table, found = confusion(ratings, 0.5), stand("m", "v", ratings, 0.5, STANDARD)
    assert found.agreement.items == table.items
    assert found.split == table.tied
    assert found.agreement.observed is not None
    assert abs(found.agreement.observed - (table.counts[0][0] + table.counts[1][1]) / table.items) < 1e-12


def test_grades_are_shown_where_both_sides_grade() -> None:
    """More than two grades on both sides give a row and a column a grade."""
    ratings = [Rating(0.0, (0.0,)), Rating(0.5, (1.0,)), Rating(1.0, (1.0, 0.5)), Rating(1.0, (0.5,))]
    table = confusion(ratings, 0.5)
    assert ("0", "0.5", "1") == table.labels
    assert ((1, 0, 0), (0, 0, 2), (0, 1, 0)) == table.counts
