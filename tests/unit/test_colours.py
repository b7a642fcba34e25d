"""Colours that one can tell apart, and text on them that one can read."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from reporting.figures import DARK, DIVERGING, SEQUENTIAL, TEXT, Steps
from reporting.marts import PALETTE, colours
from reporting.text import number


def linear(colour: str) -> np.ndarray:
    parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def lab(colour: str) -> np.ndarray:
    """CIE L*a*b* of an sRGB colour, D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(matrix) @ linear(colour) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_ten_colours_of_segments_are_far_apart():
    assert len(set(PALETTE)) == 10
    assert min(np.linalg.norm(lab(a) - lab(b)) for a, b in combinations(PALETTE, 2)) > 25


def test_a_segment_has_its_colour_whatever_becomes_of_the_others():
    all_of_them = dict(zip(range(1, 11), colours(range(1, 11)), strict=True))
    for ids in ([1, 2, 3, 4], [2, 4, 9], [10], [3, 7]):
        assert colours(ids) == [all_of_them[i] for i in ids]
    # An id beyond the tenth gives way to a segment that has the colour already.
    assert len(set(colours([1, 4, 11, 14]))) == 4


@pytest.mark.parametrize("scale", [DIVERGING, SEQUENTIAL])
def test_text_on_every_step_can_be_read(scale):
    for colour in scale:
        text = TEXT[0] if colour in DARK else TEXT[1]
        low, high = sorted([luminance(colour), luminance(text)])
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_value_has_the_step_that_its_name_says():
    steps = Steps([0.5, 1.0], SEQUENTIAL[:3], number)
    values = pd.Series([-3, 0.49, 0.5, 0.99, 1.0, 9, None])
    names = ["below 0.5"] * 2 + ["0.5 to 1"] * 2 + ["1 or more"] * 2 + [""]
    assert steps.of(values).tolist() == names
    assert list(steps.legend) == ["below 0.5", "0.5 to 1", "1 or more"]
