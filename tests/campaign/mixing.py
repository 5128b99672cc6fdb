"""Cases of `mix` and `unmix` against rational arithmetic."""

import numpy as np

import boxel as bx
import cases
import mixtures
from campaign.draws import lay_out


def draw_matrix(draw, shape):
    """Draw a matrix that is far from singular, of any dtype."""
    matrix = draw.random.normal(0, 1, shape)
    matrix[np.diag_indices(min(shape))] += 4
    dtype = draw.choose(("float64", "float64", "float32", "int8"))
    return np.round(matrix * 3).astype(dtype) if dtype == "int8" else matrix.astype(dtype)


def draw_rows(draw, shape):
    dtype = draw.choose(cases.DTYPES)
    if np.dtype(dtype).kind == "f":
        return draw.random.normal(0, 10, shape).astype(dtype)
    return cases.make_image(dtype, shape, draw.seed())


def mix(draw):
    unknowns, channels = draw.integer(1, 5), draw.integer(1, 5)
    image = draw_rows(draw, (draw.integer(1, 6), unknowns))
    mixing = draw_matrix(draw, (unknowns, channels))
    wide, matrix = image.astype(np.float64), mixing.astype(np.float64)
    exact = mixtures.product(mixtures.fractions(wide), mixtures.fractions(matrix))
    bound = (unknowns + 2) * 2.0**-52 * (np.abs(wide) @ np.abs(matrix))
    if draw.chance(0.5):
        found = draw.call(bx.mix, lay_out(draw, image), lay_out(draw, mixing))
    else:
        found = draw.call(bx.mix, lay_out(draw, mixing.T), lay_out(draw, image.T), side="right")
        found = found.T
    narrow = np.result_type(image, mixing) in (np.float16, np.float32)
    assert found.dtype == (np.float32 if narrow else np.float64)
    expected = np.array([[float(value) for value in row] for row in exact])
    rounding = 2.0**-24 * np.abs(expected) if narrow else 0
    assert np.all(np.abs(found - expected) <= bound + rounding)


def unmix(draw):
    unknowns, extra = draw.integer(1, 5), draw.choose((0, 0, 0, 1, 3))
    mixing = draw_matrix(draw, (unknowns, unknowns + extra))
    mixed = draw_rows(draw, (draw.integer(1, 6), unknowns + extra)).astype(np.float64)
    if not np.any(mixed) or np.linalg.cond(mixing.astype(np.float64)) > 1e6:
        return
    methods = ("auto", "qr", "svd") if extra else ("auto", "lu", "qr", "svd")
    options = {"method": draw.choose(methods), "refine": draw.integer(0, 2)}
    given = lay_out(draw, mixed), lay_out(draw, mixing)
    result = draw.call(bx.unmix, *given, full_output=True, **options)
    exact = mixtures.exact_solution(mixed, mixing)
    if not any(any(row) for row in exact):
        return
    error = mixtures.relative_error(result.x, exact)
    assert error <= result.solver_error_bound, (
        f"relative error {error:.3g}, bound {result.solver_error_bound:.3g}"
    )
    fixed = bx.Unmixer(mixing, **options).apply(mixed)
    assert mixtures.relative_error(fixed, exact) <= max(1e-9, 10 * error)
