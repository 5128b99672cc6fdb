"""What compute() makes of the chunks of a result: one array of its own, in memory that is kept."""

import pickle

import numpy as np
import pytest

import boxel as bx
from boxel import _core

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

import boxel.dask as bd  # noqa: E402
from boxel.dask._gathered import gathered  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def nothing_kept():
    limit = bx.get_kept_memory()
    bx.set_kept_memory(0)
    bx.set_kept_memory(2**26)
    yield
    bx.set_kept_memory(limit)


def image(shape=(64, 48, 40)):
    return np.random.default_rng(0).random(shape, dtype="float32")


def lists_of(parts, numbers):
    """Nest a flat list as deep as there are axes."""
    if len(numbers) == 1:
        return parts
    step = len(parts) // numbers[0]
    return [lists_of(parts[k : k + step], numbers[1:]) for k in range(0, len(parts), step)]


@pytest.mark.parametrize("chunks", [16, (64, 48, 40), (5, 48, 7), (64, 1, 40), (13, 17, 19)])
def test_the_same_array_as_by_dask(chunks):
    lazy = bd.box_filter(da.from_array(image(), chunks), (3, 4, 5))
    assert type(lazy) is da.Array
    assert lazy.__dask_postcompute__() == (gathered, ())
    found = lazy.compute()
    by_dask = da.Array.__dask_postcompute__(lazy)[0]
    expected = by_dask(dask.get(lazy.__dask_graph__(), lazy.__dask_keys__()))
    assert type(found) is type(expected) is np.ndarray
    assert found.dtype == expected.dtype
    assert found.flags.c_contiguous
    assert found.flags.writeable
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("chunks", [(64, 48, 40), 16])
def test_a_result_shares_no_memory_with_chunks(chunks):
    lazy = bd.box_filter(da.from_array(image(), chunks), 3)
    persisted = lazy.persist()
    parts = dask.get(persisted.__dask_graph__(), list(dask.core.flatten(lazy.__dask_keys__())))
    finish, arguments = lazy.__dask_postcompute__()
    whole = finish(lists_of(parts, lazy.numblocks), *arguments)
    np.testing.assert_array_equal(whole, lazy.compute())
    assert not any(np.shares_memory(whole, part) for part in parts)


def test_its_memory_is_kept(nothing_kept):
    pixels = np.zeros((4096, 4096), np.uint8)
    lazy = bd.density_map(da.from_array(pixels, (1024, 4096)), 2)
    found = lazy.compute()
    size = found.nbytes
    before = _core.kept_memory()
    del found
    assert _core.kept_memory() - before >= size
    again = lazy.compute()
    assert again.nbytes == size
    assert again.flags.owndata


def test_lengths_that_are_not_known():
    labels = da.from_array(np.array([3, 1, 1, 7, 3, 3]), 2)
    found = bd.label_stats(labels, None, ("count",))
    assert np.isnan(found["count"].shape[0])
    np.testing.assert_array_equal(dask.compute(found)[0]["count"], [2, 3, 1])


def test_what_is_no_array_of_numpy_is_left_to_dask():
    masked = [np.ma.masked_array([1, 2], [False, True]), np.ma.masked_array([3], [True])]
    found = gathered(masked)
    assert isinstance(found, np.ma.MaskedArray)
    assert found.mask.tolist() == [False, True, True]
    assert gathered([np.float64(3)]) == 3
    assert gathered([np.array(3.0)]) == 3


def test_what_is_made_of_it_is_left_to_dask():
    lazy = bd.box_filter(da.from_array(image(), 16), 3)
    for plain in (lazy + 1, lazy[3:], lazy.persist(), pickle.loads(pickle.dumps(lazy))):
        assert plain.__dask_postcompute__()[0] is not gathered
    np.testing.assert_array_equal((lazy + 1).compute(), lazy.compute() + 1)
    both = dask.compute(lazy, 2 * lazy)
    np.testing.assert_array_equal(2 * both[0], both[1])


def test_it_goes_where_dask_arrays_go():
    plain = da.from_array(image(), 16)
    lazy = bd.box_filter(plain, 3)
    found, given = lazy.compute(), plain.compute()
    np.testing.assert_array_equal(np.concatenate([lazy, plain]), np.concatenate([found, given]))
    np.testing.assert_array_equal(plain - lazy, given - found)
    np.testing.assert_array_equal(bd.block_reduce(lazy, 4), bx.block_reduce(found, 4))
    lazy[:5] = plain[5:10]
    found[:5] = given[5:10]
    np.testing.assert_array_equal(lazy.compute(), found)


def test_plugins_of_dask_have_their_way():
    source = da.from_array(image(), 16)
    with dask.config.set(array_plugins=[lambda array: array.compute()]):
        found = bd.box_filter(source, 3)
    np.testing.assert_array_equal(found, bx.box_filter(image(), 3))
