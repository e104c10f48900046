"""Small plots of text: each character of the Braille block is a cell of two by four dots."""

from collections.abc import Iterable, Sequence

__all__ = ["dots"]

_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # by row and column of the cell
_EMPTY = 0x2800


def dots(points: Iterable[tuple[float, float]], width: int, height: int) -> Sequence[str]:
    """Lines of `width` characters, the top one first, with a dot for each point whose x and y lie within 0 to 1."""
    cells = [[_EMPTY] * width for _ in range(height)]
    for x, y in points:
        if 0 <= x <= 1 and 0 <= y <= 1:
            column, row = round(x * (2 * width - 1)), round((1 - y) * (4 * height - 1))
            cells[row // 4][column // 2] |= _BITS[row % 4][column % 2]
    return ["".join(map(chr, line)) for line in cells]
