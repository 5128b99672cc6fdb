"""What `linkage` refuses, with which words, and the asymmetry that it averages away."""

import numpy as np
import pytest

import boxel as bx
import linkage_oracle as oracle
from distance_cases import condensed, euclidean, random_dissimilarities

METHODS = oracle.METHODS


def assert_same_tree(found, expected):
    assert found.tobytes() == expected.tobytes()


# Symmetry -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("overwrite", [False, True])
def test_small_asymmetry_is_averaged(overwrite, method):
    square = euclidean(50)
    noisy = square + 1e-9 * np.random.default_rng(1).random((50, 50))
    mean = noisy / 2 + noisy.T / 2
    np.fill_diagonal(mean, 0)
    expected = bx.linkage(condensed(mean), method)
    given = noisy.copy()
    assert_same_tree(bx.linkage(given, method, overwrite=overwrite), expected)
    assert overwrite or np.array_equal(given, noisy)
    np.testing.assert_array_equal(bx.condense(noisy), condensed(mean))


def test_tolerance_of_asymmetry():
    for dtype in ("float16", "float32", "float64"):
        square = np.array([[0, 8, 4], [8, 0, 4], [4, 4, 0]], dtype)
        tolerated = np.finfo(dtype).eps ** 0.5 * 8
        for error, fine in ((0.9, True), (1.2, False)):
            wrong = square.copy()
            wrong[2, 0] += error * tolerated
            if fine:
                bx.linkage(wrong)
            else:
                with pytest.raises(ValueError, match=r"found 4.0 at \(0, 2\).* at \(2, 0\)"):
                    bx.linkage(wrong)
    with pytest.raises(ValueError, match=r"symmetric, found 1.0 at \(0, 1\) and 2.0 at \(1, 0\)"):
        bx.linkage([[0, 1], [2, 0]])
    assert bx.linkage([[0, 1], [2, 0]], symmetry_rtol=0.5)[0, 2] == 1.5
    with pytest.raises(ValueError, match="symmetry_rtol"):
        bx.linkage(np.array([[0, 1], [1 + 1e-15, 0]]), symmetry_rtol=0)


def test_the_worst_pair_is_named():
    square = euclidean(150)
    square[3, 7] += 0.01
    square[100, 140] += 0.02
    square[149, 0] += 0.01
    with pytest.raises(ValueError, match=r"at \(100, 140\) and .* at \(140, 100\)"):
        bx.linkage(square)


# Errors -------------------------------------------------------------------------------------------


def check_message(words, call, *arguments, kind=ValueError, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 5, 70, 150])
def test_distances_must_be_finite_and_not_negative(n, dtype, value):
    square = euclidean(n).astype(dtype)
    i, j = n // 3, n - 1
    wrong = square.copy()
    wrong[i, j] = wrong[j, i] = value
    place = np.flatnonzero(condensed(wrong) != condensed(square))[0]
    check_message([f"found {value}", f"({i}, {j})"], bx.linkage, wrong)
    check_message(
        [f"found {value}", f"[{place}]", f"({i}, {j})"], bx.linkage, condensed(wrong), "single"
    )
    wrong[i, j] = square[i, j]
    check_message([f"found {value}", f"({j}, {i})"], bx.linkage, wrong)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_negative_by_rounding_is_named_with_the_cure(dtype):
    wrong = euclidean(4).astype(dtype)
    wrong[1, 2] = wrong[2, 1] = -np.finfo(dtype).eps  # as 1 - similarity can be
    for matrix in (wrong, condensed(wrong)):
        check_message(["found -", "np.maximum(distances, 0)"], bx.linkage, matrix)
    wrong[1, 2] = wrong[2, 1] = -0.125
    wrong[1, 3] = wrong[3, 1] = np.nan
    for matrix in (wrong, condensed(wrong)):
        with pytest.raises(ValueError, match=r"found -0.125 at .*[)\]]$"):
            bx.linkage(matrix)
    with pytest.raises(ValueError, match="found inf at"):
        bx.linkage([np.inf, np.nan, 0])


def test_diagonal_must_be_zero():
    square = euclidean(20)
    square[7, 7] = 0.5
    check_message(["diagonal", "zero", "0.5", "(7, 7)"], bx.linkage, square)
    square[7, 7] = -1e-12
    assert_same_tree(bx.linkage(square), bx.linkage(condensed(square)))
    square[7, 7] = np.nan
    check_message(["nan", "(7, 7)"], bx.linkage, square)


@pytest.mark.parametrize("lowest", [0.0, -1.0])
def test_similarities_are_named_with_the_cure(lowest):
    similarities = 1 - random_dissimilarities(30) * (1 - lowest)
    np.fill_diagonal(similarities, 1)
    for dtype in ("float32", "float64"):
        check_message(["similarity", "1 - S"], bx.linkage, similarities.astype(dtype))
        check_message(["similarity", "1 - S"], bx.condense, similarities.astype(dtype))
    check_message(["similarity", "1 - S"], bx.linkage, np.eye(4, dtype=int))
    similarities[2, 3] = similarities[3, 2] = 3  # more similar than equal: something else is wrong
    with pytest.raises(ValueError, match=r"diagonal|finite"):
        bx.linkage(similarities)


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (1, 6), (6, 1), (2, 2, 2), ()])
def test_observations_are_refused(shape):
    check_message([str(shape), "(n, n)", "observations"], bx.linkage, np.zeros(shape))


def test_square_observations_are_refused():
    check_message(["diagonal"], bx.linkage, np.random.default_rng(0).random((5, 5)))


@pytest.mark.parametrize("length", [2, 4, 5, 7, 4999, 5001])
def test_condensed_length(length):
    check_message([f"length {length}", "n (n - 1) / 2"], bx.linkage, np.zeros(length))


def test_long_condensed_lengths_are_not_rounded():
    n = 3_000_000_001
    from boxel._distances import observations, pair_at

    assert observations(n * (n - 1) // 2) == n
    with pytest.raises(ValueError, match=str(n)):
        observations(n * (n - 1) // 2 + 1)
    assert pair_at(n, n * (n - 1) // 2 - 1) == (n - 2, n - 1)
    assert [pair_at(4, place) for place in range(6)] == [
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3),
    ]  # fmt: skip


def test_other_errors():
    square = euclidean(5)
    check_message(["'averge'", "average"], bx.linkage, square, "averge")
    check_message(["method"], bx.linkage, square, 3, kind=TypeError)
    check_message(["complex128", "float64"], bx.linkage, square.astype(complex), kind=TypeError)
    check_message(["object"], bx.linkage, square.astype(object), kind=TypeError)
    check_message(["found None"], bx.linkage, None, kind=TypeError)
    check_message(["found a set"], bx.linkage, {1.0}, kind=TypeError)
    check_message(["dtype", "float16"], bx.linkage, square, dtype="float16", kind=TypeError)
    check_message(["dtype"], bx.linkage, square, dtype="nonsense", kind=TypeError)
    check_message(["workers"], bx.linkage, square, workers=0)
    check_message(["overwrite", "yes"], bx.linkage, square, overwrite="yes", kind=TypeError)
    check_message(["symmetry_rtol"], bx.linkage, square, symmetry_rtol=-1)
    check_message(["symmetry_rtol"], bx.linkage, [1.0, 2.0, 3.0], symmetry_rtol=-1)
    check_message(["inf"], bx.linkage, square * 1e300, dtype="float32")
    square.flags.writeable = False
    check_message(["read-only"], bx.linkage, square, overwrite=True)
    masked = np.ma.masked_greater(euclidean(5), 1)
    check_message(["masked"], bx.linkage, masked)
