"""The table of sliding boxes: shapes with the size, origin and stride of a box."""

from dataclasses import dataclass

import box_oracle

MODES = tuple(box_oracle.MODES)


@dataclass(frozen=True)
class BoxCase:
    """A shape with the box that slides over it."""

    shape: tuple
    size: int | tuple
    axes: int | tuple | None = None
    origin: int | tuple = 0
    stride: int | tuple = 1

    def __str__(self):
        axes = "" if self.axes is None else f" over {self.axes}"
        origin = f" from {self.origin}" if self.origin else ""
        stride = "" if self.stride == 1 else f" every {self.stride}"
        return f"{self.shape} by {self.size}{axes}{origin}{stride}".replace(", ", ",")

    @property
    def options(self):
        return {"axes": self.axes, "origin": self.origin, "stride": self.stride}


SMALL_BOXES = (
    BoxCase((), 1),
    BoxCase((), 4, stride=3),
    BoxCase((1,), 1),
    BoxCase((1,), 4, origin=1),
    BoxCase((7,), 4),
    BoxCase((7,), 4, origin=-2),
    BoxCase((9,), 3, stride=4),
    BoxCase((5,), 33, origin=10),
    BoxCase((40,), 16),
    BoxCase((5, 7), (2, 3)),
    BoxCase((5, 7), (3, 4), origin=(1, -2)),
    BoxCase((6, 8), 3, stride=(2, 3)),
    BoxCase((4, 6), (9, 1)),
    BoxCase((3, 9), (1, 2)),
    BoxCase((1, 6), (5, 3)),
    BoxCase((3, 4, 5), (3, 2, 3)),
    BoxCase((4, 5, 6), (2, 3), axes=(-1, 0), origin=(-1, 1), stride=(1, 2)),
    BoxCase((4, 3, 5), 3, axes=1),
    BoxCase((2, 3, 2, 4), (3, 2, 1, 2)),
    BoxCase((2, 1, 3, 1, 3), (2, 3, 1, 2, 2), origin=(-1, 1, 0, -1, 0)),
)

EMPTY_BOXES = (
    BoxCase((0,), 2),
    BoxCase((0, 5), 3),
    BoxCase((6, 0), (4, 1), stride=2),
    BoxCase((3, 0, 4), (2, 2, 3)),
    BoxCase((2, 0, 3), 2, axes=(0, -1)),
)

# Long rows and columns meet the vector loops, their tails, and every way of adding up a line.
LARGE_BOXES = (
    BoxCase((1031,), 2),
    BoxCase((4099,), 3, stride=3),
    BoxCase((5000,), 1024),
    BoxCase((700,), 1999, origin=-400),
    BoxCase((40, 1030), 3),
    BoxCase((43, 515), (5, 8), origin=(2, -3)),
    BoxCase((130, 257), (31, 64)),
    BoxCase((300, 67), (101, 1), stride=(1, 2)),
    BoxCase((9, 2053), (1, 33), stride=(2, 7)),
    BoxCase((300, 5), (9, 9)),
    BoxCase((3, 300), 17),
    BoxCase((17, 19, 131), 3),
    BoxCase((12, 70, 33), (4, 9, 5), stride=(3, 1, 2)),
    BoxCase((70, 9, 10), (16, 2), axes=(0, 2), origin=(-8, 0)),
    BoxCase((5, 6, 7, 8, 9), (2, 1, 3, 1, 4)),
)

LAYOUT_BOXES = (
    BoxCase((23,), 4),
    BoxCase((7, 17), (2, 3)),
    BoxCase((17, 6), (8, 1), stride=2),
    BoxCase((4, 5, 9), (2, 3, 2), origin=(-1, 1, 0)),
)

OPTION_BOXES = (
    BoxCase((17,), 5),
    BoxCase((6, 9), (2, 3), origin=(0, 1)),
    BoxCase((4, 3, 7), (3, 4), axes=(0, 2), stride=2),
)
