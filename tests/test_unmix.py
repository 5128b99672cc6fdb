"""Unmixing: against exact rational arithmetic, and the quality that is promised."""

import pickle
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import boxel as bx
from boxel.mixing import factorisations
from mixtures import (
    distance,
    exact_ridge,
    exact_solution,
    fractions,
    graded,
    hilbert,
    of_rank,
    relative_error,
    rms,
    solved,
    vandermonde,
    with_condition,
)
from subprocesses import run_script

METHODS = ("auto", "lu", "qr", "svd")
HARD = {
    "hilbert 4": hilbert(4),
    "hilbert 7": hilbert(7),
    "hilbert 9": hilbert(9),
    "vandermonde 8": vandermonde(8),
    "vandermonde 11": vandermonde(11),
    "graded 10": graded(10),
    "graded columns": graded(10)[:, ::-1],
    "nearly singular 1e8": with_condition(8, 1e8),
    "nearly singular 1e12": with_condition(8, 1e12),
    "nearly singular 1e14": with_condition(6, 1e14),
    "permuted": np.eye(7)[[3, 1, 0, 6, 5, 2, 4]] * 3,
}


@pytest.fixture(params=["SciPy", "NumPy"])
def lapack(request, monkeypatch):
    """Run with SciPy's LAPACK and with NumPy's alone."""
    if request.param == "NumPy":
        monkeypatch.setattr(factorisations, "scipy_lapack", lambda: None)
    else:
        pytest.importorskip("scipy")
    return request.param


@pytest.fixture
def random():
    return np.random.default_rng(7)


def unmixed(*arguments, **options):
    """Unmix with the report, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", bx.IllConditionedWarning)
        return bx.unmix(*arguments, full_output=True, **options)


# ------------------------------------------------------------------------ against exact arithmetic


@pytest.mark.parametrize(
    ("method", "rows"), [("auto", 3), ("auto", 50), ("lu", 3), ("qr", 3), ("svd", 3)]
)
@pytest.mark.parametrize("name", HARD)
def test_solution_and_its_bound(name, method, rows, lapack, random):
    """The bounds hold, against the exact solution and against the image that was mixed."""
    mixing = HARD[name]
    image = random.standard_normal((rows, len(mixing)))
    mixed = bx.mix(image, mixing)
    result = unmixed(mixed, mixing, method=method)
    error = relative_error(result.x, exact_solution(mixed, mixing))
    assert error <= result.solver_error_bound <= result.forward_error_bound
    assert distance(result.x, image) <= result.forward_error_bound
    if result.condition_number < 1e10:
        assert np.isfinite(result.forward_error_bound)


@pytest.mark.parametrize("refine", [0, 1, 2])
@pytest.mark.parametrize("rows", [2, 40])
def test_refinement_removes_the_rounding_of_solving(refine, rows, lapack, random):
    mixing = with_condition(8, 1e7)
    mixed = random.standard_normal((rows, 8))
    exact = solved(fractions(mixed), fractions(mixing))
    result = bx.unmix(mixed, mixing, refine=refine, full_output=True)
    error = relative_error(result.x, exact)
    assert error <= result.solver_error_bound <= 100 * error
    if refine == 0:
        assert 1e-14 < error < 1e-8
    else:
        assert error < 2e-16
    assert result.refinements == refine


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (1, 4), (4, 1), (1, 1), (6, 6)])
@pytest.mark.parametrize("method", ["auto", "qr", "svd"])
def test_least_squares_and_minimum_norm(shape, method, lapack, random):
    mixing = random.standard_normal(shape)
    mixed = random.standard_normal((5, shape[1]))
    result = unmixed(mixed, mixing, method=method)
    exact = exact_solution(mixed, mixing)
    error = relative_error(result.x, exact)
    assert error < 1e-14
    assert error <= result.solver_error_bound
    expected = mixed @ np.linalg.pinv(mixing)
    np.testing.assert_allclose(result.x, expected, rtol=1e-10, atol=1e-12)
    assert result.rank == min(shape)


@pytest.mark.parametrize("noise", [1e-3, 1.0, 100.0])
def test_bound_of_least_squares_with_a_misfit(noise, random):
    mixing = random.standard_normal((4, 9)) * np.logspace(0, -6, 4)[:, None]
    image = random.standard_normal((5, 4))
    mixed = image @ mixing + noise * random.standard_normal((5, 9))
    for refine in (0, 1):
        result = unmixed(mixed, mixing, refine=refine)
        error = relative_error(result.x, exact_solution(mixed, mixing))
        assert error <= result.solver_error_bound
        assert result.solver_error_bound < 1e-2


@pytest.mark.parametrize("shape", [(5, 5), (4, 7), (7, 4)])
@pytest.mark.parametrize("alpha", [1e-3, 0.5, 30.0])
def test_ridge(shape, alpha, random):
    mixing = random.standard_normal(shape)
    mixed = random.standard_normal((6, shape[1]))
    result = bx.unmix(mixed, mixing, method="ridge", alpha=alpha, full_output=True)
    assert relative_error(result.x, exact_ridge(mixed, mixing, alpha)) < 1e-12
    gram = mixing @ mixing.T
    hat = np.linalg.solve(gram + alpha**2 * np.eye(len(gram)), gram)
    operator = mixing.T @ np.linalg.inv(gram + alpha**2 * np.eye(len(gram)))
    assert result.degrees_of_freedom == pytest.approx(np.trace(hat))
    np.testing.assert_allclose(result.recoverability, np.diag(mixing @ operator), rtol=1e-9)
    np.testing.assert_allclose(result.noise_gain, np.linalg.norm(operator, axis=0), rtol=1e-9)
    assert result.alpha == alpha


@pytest.mark.parametrize(("shape", "rank"), [((6, 6), 4), ((6, 9), 3), ((9, 6), 5), ((4, 4), 1)])
def test_rank_deficient_matrices_give_the_minimum_norm_solution(shape, rank, lapack, random):
    mixing = of_rank(shape, rank)
    image = random.random((7, shape[0]))
    mixed = bx.mix(image, mixing)
    with pytest.warns(bx.IllConditionedWarning, match=f"rank {rank}"):
        result = bx.unmix(mixed, mixing, full_output=True)
    assert result.method == "svd"
    assert result.rank == rank
    assert result.degrees_of_freedom == rank
    projector = mixing @ np.linalg.pinv(mixing, rcond=1e-10)
    np.testing.assert_allclose(result.x, image @ projector, atol=1e-9)
    np.testing.assert_allclose(result.recoverability, np.diag(projector), atol=1e-9)
    assert result.forward_error_bound == np.inf


def test_what_cannot_be_recovered_is_said():
    mixing = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    result = unmixed([[5.0, 6.0]], mixing)
    np.testing.assert_allclose(result.x, [[5, 3, 3]])
    np.testing.assert_allclose(result.recoverability, [1, 0.5, 0.5])
    assert "1 of 3 channels; only in part: 1 (50%), 2 (50%)" in repr(result)


# ------------------------------------------------------------------------------- promised quality


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("seed", range(2))
def test_random_matrices_are_undone_to_ten_digits(size, seed):
    random = np.random.default_rng(seed)
    image, mixing = random.random((2, size, size))
    mixed = bx.mix(image, mixing)
    result = bx.unmix(mixed, mixing, full_output=True)
    error = distance(result.x, image)
    assert error < 1e-10
    assert error <= result.forward_error_bound <= 100 * error
    if size == 256:
        # Against the exact solution of what was given: a step more, in long double.
        wide = mixed.astype(np.longdouble) - result.x.astype(np.longdouble) @ mixing
        correction = np.linalg.solve(mixing.T, wide.astype(np.float64).T).T
        solving = float(np.linalg.norm(correction) / np.linalg.norm(image))
        if np.finfo(np.longdouble).eps < 1e-18:
            assert solving < 1e-15
            assert solving <= result.solver_error_bound * 1.01 <= 100 * solving


@pytest.mark.parametrize("seed", range(2))
def test_ridge_beats_the_inverse_on_a_quantised_photograph(seed):
    data = pytest.importorskip("skimage.data")
    photograph = data.camera()
    mixing = np.random.default_rng(seed).random((512, 512))
    mixed = bx.mix(photograph, mixing)
    scale = 255 / mixed.max()
    quantised, scaled = np.rint(mixed * scale).astype(np.uint8), mixing * scale
    by_inverse = rms(quantised @ np.linalg.inv(scaled), photograph)
    with pytest.warns(bx.IllConditionedWarning, match="uint8 levels"):
        plain = bx.unmix(quantised, scaled)
    assert rms(plain, photograph) == pytest.approx(by_inverse, rel=1e-3)
    by_gcv = bx.unmix(quantised, scaled, method="ridge", alpha="gcv", full_output=True)
    error = rms(by_gcv.x, photograph)
    assert by_inverse > 8 * error
    left, values, right = np.linalg.svd(scaled)
    best = min(
        rms((quantised @ right.T * (values / (values**2 + alpha**2))) @ left.T, photograph)
        for alpha in by_gcv.alpha * np.geomspace(0.5, 2, 9)
    )
    assert error < 1.01 * best
    assert by_gcv.noise_std == pytest.approx(12**-0.5, rel=0.1)
    regularized = bx.unmix(quantised, scaled, on_ill_conditioned="regularize")
    np.testing.assert_array_equal(regularized, by_gcv.x)
    by_noise = bx.unmix(quantised, scaled, method="ridge", noise_std=12**-0.5)
    assert rms(by_noise, photograph) < 1.05 * best


def best_seconds(call, rounds):
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def takes_at_most(factor, call, other, rounds):
    """Tell whether a call takes so many times as long as another: busy machines get more trials."""
    return any(best_seconds(call, rounds) < factor * best_seconds(other, rounds) for _ in range(10))


def test_factoring_once_is_much_faster_than_solving_each_time(random):
    """The bars are measured by bench/; here is room for a busy machine."""
    mixing = random.random((256, 256))
    frames = random.random((100, 32, 256)) @ mixing
    unmixer = bx.Unmixer(mixing, refine=0)
    unmixer.apply(frames)

    def solve_each():
        return [np.linalg.solve(mixing.T, frame.T) for frame in frames]

    assert takes_at_most(0.4, lambda: unmixer.apply(frames), solve_each, 3)


def test_lu_costs_about_what_numpy_does(lapack, random):
    mixing = random.random((256, 256))
    mixed = random.random((256, 256)) @ mixing

    def unmix():
        return bx.unmix(mixed, mixing, method="lu", refine=0)

    assert takes_at_most(2.5, unmix, lambda: np.linalg.solve(mixing.T, mixed.T), 9)


# -------------------------------------------------------------------------- parameters by the data


def spectra(random, shape=(12, 20, 16), level=0.05):
    """Return smooth images mixed by a blur, with noise, the blur, and the images."""
    frames, rows, channels = shape
    images = np.cumsum(random.standard_normal((frames, rows, channels)), axis=2)
    distance = np.subtract.outer(np.arange(channels), np.arange(channels))
    mixing = np.exp(-((distance / 2.0) ** 2))
    return images @ mixing + level * random.standard_normal(images.shape), mixing, images


def test_gcv_minimises_the_generalised_cross_validation(random):
    mixed, mixing, _ = spectra(random)
    found = bx.unmix(mixed[0], mixing, method="ridge", full_output=True)

    def score(alpha):
        gram = mixing @ mixing.T + alpha**2 * np.eye(len(mixing))
        hat = mixing.T @ np.linalg.solve(gram, mixing)
        free = np.trace(np.eye(len(hat)) - hat)
        return np.linalg.norm(mixed[0] - mixed[0] @ hat) ** 2 / free**2

    scores = [score(found.alpha * factor) for factor in np.geomspace(1e-3, 1e3, 241)]
    assert score(found.alpha) <= min(scores) * (1 + 1e-6)


@pytest.mark.parametrize("shape", [(16, 16), (16, 30), (30, 16)])
def test_discrepancy_leaves_the_noise(shape, random):
    mixing = random.random(shape) * np.logspace(0, -4, shape[0])[:, None]
    level = 0.01
    mixed = random.random((50, shape[0])) @ mixing + level * random.standard_normal((50, shape[1]))
    found = bx.unmix(mixed, mixing, method="ridge", noise_std=level, full_output=True)
    free = shape[1] - found.degrees_of_freedom
    misfit = np.linalg.norm(mixed - found.x @ mixing)
    assert misfit / np.sqrt(50 * free) == pytest.approx(level, rel=1e-6)
    assert found.noise_std == level


@pytest.mark.parametrize("alpha", ["gcv", "discrepancy"])
def test_each_frame_has_its_own_alpha(alpha, random):
    mixed, mixing, _ = spectra(random)
    mixed[3] += random.standard_normal(mixed[3].shape)
    result = bx.unmix(mixed, mixing, alpha=alpha, noise_std=0.05, full_output=True)
    assert result.alpha.shape == result.degrees_of_freedom.shape == (12,)
    assert result.noise_gain.shape == result.recoverability.shape == (12, 16)
    for frame, x, used in zip(mixed, result.x, result.alpha, strict=True):
        single = bx.unmix(frame, mixing, alpha=alpha, noise_std=0.05, full_output=True)
        assert isinstance(single.alpha, float)
        assert single.alpha == pytest.approx(used, rel=1e-6)
        np.testing.assert_allclose(single.x, x, rtol=1e-5, atol=1e-5)
    if alpha == "gcv":
        assert result.alpha[3] > 3 * np.median(result.alpha)


def test_noise_alone_is_damped_away(random):
    mixing = np.diag([1.0, 0.5, 0.1])
    noise = random.standard_normal((500, 3))
    found = bx.unmix(noise, mixing, method="ridge", noise_std=2.0, full_output=True)
    assert np.abs(found.x).max() < 0.01
    zero = bx.unmix(np.zeros((4, 3)), mixing, method="ridge", full_output=True)
    assert not zero.x.any()


def test_noise_gain_is_what_noise_does(random):
    mixing = with_condition(5, 100.0)
    noise = random.standard_normal((20000, 5))
    found = bx.unmix(noise, mixing, noise_std=1e-6, full_output=True)
    np.testing.assert_allclose(found.x.std(axis=0), found.noise_gain, rtol=0.05)
    assert found.noise_std == 1e-6


# ---------------------------------------------------------------------------- scales, dtypes, views


@pytest.mark.parametrize(
    ("image_scale", "mixing_scale"),
    [
        (1e-300, 1.0), (1e-300, 1e-250), (1e-300, 1e-5), (1e-150, 1e100), (1.0, 1e-250),
        (1.0, 1e280), (1e150, 1e-100), (1e300, 1.0), (1e300, 1e300), (1e300, 1e50), (1e-60, 1e-300),
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["lu", "qr", "svd", "ridge"])
def test_extreme_scales(image_scale, mixing_scale, method, lapack, random):
    mixing = np.round(4 * random.random((4, 4)), 3) + 4 * np.eye(4)
    mixed = random.random((6, 4))
    plain = bx.unmix(mixed, mixing, method=method, full_output=True)
    scale = image_scale / mixing_scale
    found = bx.unmix(mixed * image_scale, mixing * mixing_scale, method=method, full_output=True)
    np.testing.assert_allclose(found.x / scale, plain.x, rtol=1e-9 if method != "ridge" else 1e-4)
    assert found.condition_number == pytest.approx(plain.condition_number)
    for name in ("backward_error", "forward_error_bound", "solver_error_bound"):
        assert getattr(found, name) < 100 * getattr(plain, name) + 1e-14 or method == "ridge"
    np.testing.assert_allclose(found.noise_gain * mixing_scale, plain.noise_gain, rtol=1e-4)


def test_frames_of_different_scales(random):
    mixing = random.random((3, 3)) + np.eye(3)
    frames = random.random((3, 4, 3)) * np.array([1e300, 1.0, 1e-300])[:, None, None]
    found = bx.unmix(bx.mix(frames, mixing), mixing)
    np.testing.assert_allclose(found, frames, rtol=1e-13)


@pytest.mark.parametrize(
    ("image", "matrix", "expected"),
    [
        ("f4", "f4", "f4"), ("f2", "f2", "f4"), ("f2", "f4", "f4"), ("u1", "f4", "f4"),
        ("f4", "f8", "f8"), ("u1", "u1", "f8"), ("i8", "i8", "f8"), ("?", "?", "f8"),
        ("i4", "f4", "f8"), (">f8", "f8", "f8"), (">f4", "<f4", "f4"),
    ],
)  # fmt: skip
def test_dtypes(image, matrix, expected):
    mixing = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]], dtype=matrix)
    truth = np.array([[1, 0, 1], [0, 1, 1]])
    mixed = bx.mix(truth.astype(image), mixing)
    assert mixed.dtype == expected
    np.testing.assert_array_equal(mixed, truth @ mixing.astype(float))
    stored = (truth @ mixing.astype(int)).astype(image if image != "?" else "u1")
    found = bx.unmix(stored, mixing, on_ill_conditioned="ignore")
    np.testing.assert_allclose(found, truth, atol=1e-6)
    if image != "?":
        assert found.dtype == expected


def test_mix_does_not_wrap():
    image = np.full((2, 300), 255, np.uint8)
    assert (bx.mix(image, image.T) == 255.0 * 255 * 300).all()
    assert (bx.mix(image.T, image, side="left") == 255.0 * 255 * 300).all() is np.True_
    assert bx.mix(image.astype(np.float16), image.T.astype(np.float16)).max() == 255 * 255 * 300


def test_float32_is_worked_on_in_float64(random):
    mixing = with_condition(6, 1e4).astype(np.float32)
    image = random.random((20, 6)).astype(np.float32)
    mixed = image.astype(float) @ mixing.astype(float)
    found = bx.unmix(mixed.astype(np.float32), mixing, full_output=True)
    assert found.x.dtype == np.float32
    exact = exact_solution(mixed.astype(np.float32), mixing)
    assert relative_error(found.x, exact) < 1e-7
    assert distance(found.x, image) <= found.forward_error_bound
    assert found.digits_of_mixture == pytest.approx(7.2, abs=0.1)


def test_views_and_read_only_arrays(random):
    mixing = random.random((6, 6)) + np.eye(6)
    mixed = random.random((4, 10, 6))
    expected = bx.unmix(mixed, mixing)
    wide = np.zeros((4, 20, 12))
    wide[:, ::2, ::2] = mixed
    fixed = np.array(mixed)
    fixed.flags.writeable = False
    views = [
        wide[:, ::2, ::2],
        np.asfortranarray(mixed),
        np.ascontiguousarray(mixed[:, ::-1])[:, ::-1],
        fixed,
        mixed.astype(">f8"),
        mixed.tolist(),
    ]
    for view in views:
        np.testing.assert_allclose(bx.unmix(view, mixing), expected, rtol=1e-13)
    for matrix in [np.asfortranarray(mixing), np.ascontiguousarray(mixing.T).T, mixing.tolist()]:
        np.testing.assert_allclose(bx.unmix(mixed, matrix), expected, rtol=1e-13)
    broadcast = np.broadcast_to(mixed[:1], (4, 10, 6))
    np.testing.assert_allclose(bx.unmix(broadcast, mixing)[3], expected[0], rtol=1e-13)


@pytest.mark.parametrize("refine", [0, 1])
@pytest.mark.parametrize("rows", [3, 50])
def test_inputs_stay_as_they_were(refine, rows, random):
    mixing = random.random((6, 6)) + np.eye(6)
    mixed = random.random((rows, 6))
    before = mixed.copy(), mixing.copy()
    for side, image in (("right", mixed), ("left", mixed.T)):
        bx.unmix(image, mixing, side=side, refine=refine, full_output=True)
    np.testing.assert_array_equal(mixed, before[0])
    np.testing.assert_array_equal(mixing, before[1])


def test_result_does_not_share_memory_with_inputs():
    mixed = np.array([[1.0, 2.0]])
    for refine in (0, 1):
        found = bx.unmix(mixed, np.eye(2), refine=refine)
        assert not np.shares_memory(found, mixed)


# ---------------------------------------------------------------------------------------- Unmixer


def test_unmixer_is_unmix(lapack, random):
    for shape in [(5, 5), (3, 6), (6, 3)]:
        mixing = random.random(shape)
        mixed = random.random((4, 7, shape[1]))
        for method in ("auto", "svd", "ridge"):
            options = {"method": method, "on_ill_conditioned": "ignore"}
            unmixer = bx.Unmixer(mixing, **options)
            expected = bx.unmix(mixed, mixing, full_output=True, **options)
            found = unmixer.apply(mixed, full_output=True)
            np.testing.assert_allclose(found.x, expected.x, rtol=1e-9, atol=1e-12)
            np.testing.assert_allclose(unmixer.apply(mixed), expected.x, rtol=1e-9, atol=1e-12)
            assert unmixer.rank == expected.rank


def test_unmixer_copies_its_matrix(random):
    mixing = random.random((4, 4)) + np.eye(4)
    mixed = random.random((5, 4))
    expected = bx.unmix(mixed, mixing)
    unmixer = bx.Unmixer(mixing)
    mixing[:] = 0
    np.testing.assert_allclose(unmixer.apply(mixed), expected, rtol=1e-12)


def test_unmixer_is_pickled_and_shared_by_threads(random):
    mixing = random.random((30, 30)) + np.eye(30)
    frames = random.random((16, 40, 30))
    unmixer = bx.Unmixer(mixing)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(unmixer.apply, frames))
    copy = pickle.loads(pickle.dumps(unmixer))
    for frame, each in zip(frames, found, strict=True):
        np.testing.assert_array_equal(copy.apply(frame), each)
    assert repr(copy) == repr(unmixer)


# ---------------------------------------------------------------------------------------- warnings


def warnings_of(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(each.category, str(each.message), each.filename) for each in caught]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mixing", [np.ones((4, 4)), np.zeros((4, 4)), of_rank((4, 4), 2)])
def test_one_warning_a_call(method, mixing, lapack):
    frames = np.ones((5, 3, 4))
    ((category, message, file),) = warnings_of(lambda: bx.unmix(frames, mixing, method=method))
    assert category is bx.IllConditionedWarning
    assert file == __file__
    for word in ("rank", "condition number", "regularize", "ignore", "raise"):
        assert word in message
    for action in ("ignore", "regularize"):
        assert not warnings_of(
            lambda action=action: bx.unmix(
                frames, mixing, method=method, on_ill_conditioned=action, full_output=True
            )
        )
    with pytest.raises(bx.IllConditionedError, match="rank"):
        bx.unmix(frames, mixing, method=method, on_ill_conditioned="raise")


def test_warning_of_coarse_data():
    mixing = with_condition(5, 1e4)
    levels = np.arange(50, dtype=np.uint8).reshape(10, 5)
    ((_, message, _),) = warnings_of(lambda: bx.unmix(levels, mixing))
    for word in ("1e+04", "uint8 levels", "method='ridge'"):
        assert word in message
    for exact in (levels.astype(float), levels.astype(np.int64)):
        assert not warnings_of(lambda exact=exact: bx.unmix(exact, mixing))
    assert warnings_of(lambda: bx.unmix(levels.astype(float), mixing, noise_std=0.3))
    assert not warnings_of(lambda: bx.unmix(levels, mixing, method="ridge"))
    with pytest.raises(bx.IllConditionedError, match="uint8"):
        bx.unmix(levels, mixing, on_ill_conditioned="raise")
    regularized = bx.unmix(levels, mixing, on_ill_conditioned="regularize", full_output=True)
    assert regularized.method == "ridge"


def test_warnings_of_an_unmixer():
    levels = np.arange(50, dtype=np.uint8).reshape(10, 5)
    assert len(warnings_of(lambda: bx.Unmixer(np.ones((5, 5))))) == 1
    unmixer = bx.Unmixer(with_condition(5, 1e4))
    ((category, message, file),) = warnings_of(lambda: unmixer.apply(levels))
    assert (category, file) == (bx.IllConditionedWarning, __file__)
    assert "uint8" in message
    assert not warnings_of(lambda: unmixer.apply(levels / 1.0))
    singular = bx.Unmixer(np.ones((5, 5)), on_ill_conditioned="ignore")
    assert not warnings_of(lambda: singular.apply(levels))
    with pytest.raises(bx.IllConditionedError):
        bx.Unmixer(np.ones((5, 5)), on_ill_conditioned="raise")


def test_errors_are_linear_algebra_errors():
    assert issubclass(bx.IllConditionedError, np.linalg.LinAlgError)
    assert issubclass(bx.IllConditionedError, ValueError)
    assert issubclass(bx.IllConditionedWarning, UserWarning)


# ------------------------------------------------------------------------------------- the report


def test_report_of_a_good_case(random):
    image, mixing = random.random((2, 100, 100))
    text = repr(bx.unmix(bx.mix(image, mixing), mixing, full_output=True))
    for words in ("100 x 100 float64 by lu, refined once", "digits survive; 8-bit", "at most"):
        assert words in text
    assert "(estimated)" in text
    assert "(exact)" in repr(bx.unmix(image, mixing, method="svd", full_output=True))


def test_report_of_bad_cases():
    levels = np.arange(50, dtype=np.uint8).reshape(10, 5)
    text = repr(unmixed(levels, with_condition(5, 1e4)))
    assert "not one digit is sure: rounding to uint8 levels" in text
    text = repr(unmixed(levels, with_condition(5, 1e4), method="ridge"))
    assert "effective degrees of freedom" in text
    assert "no bound" in text
    text = repr(unmixed(levels, np.ones((5, 5))))
    assert "4 of 5 combinations of channels are lost" in text


def test_condition_number_and_singular_values(lapack, random):
    mixing = with_condition(20, 1e5)
    mixed = random.random((3, 20))
    exact = bx.unmix(mixed, mixing, method="svd", full_output=True)
    assert exact.condition_is_exact
    assert exact.condition_number == pytest.approx(1e5)
    np.testing.assert_allclose(exact.singular_values, np.geomspace(1, 1e-5, 20), rtol=1e-9)
    estimated = bx.unmix(mixed, mixing, full_output=True)
    assert not estimated.condition_is_exact
    assert estimated.singular_values is None
    assert 1e4 < estimated.condition_number < 2e6


def test_without_scipy_installed():
    script = """
        import sys
        sys.modules["scipy"] = None
        import numpy as np
        import boxel as bx
        random = np.random.default_rng(0)
        image, mixing = random.random((2, 40, 40))
        for refine in (0, 1):
            found = bx.unmix(bx.mix(image, mixing), mixing, refine=refine)
            assert np.allclose(found, image, rtol=1e-9)
        assert "scipy.linalg" not in sys.modules
        print("done")
    """
    assert run_script(script) == "done"


def test_import_brings_no_scipy():
    script = "import sys, boxel; print([name for name in sys.modules if 'scipy' in name])"
    assert run_script(script) == "[]"
