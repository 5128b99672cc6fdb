"""Cases of clustering: trees, what is read from them, distance matrices and fingerprints."""

import numpy as np

import boxel as bx
import distance_cases
import linkage_oracle as oracle
from campaign.draws import lay_out

KINDS = tuple(distance_cases.KINDS)


def draw_square(draw):
    """Draw a distance matrix, with and without ties."""
    n = draw.choose((1, 2, 3, 4, 5, 6, 8, 11, 16, 23, 49, 60))
    if draw.chance(0.6):
        n = min(n, 9)
    kind = draw.choose(KINDS)
    make = distance_cases.KINDS[kind]
    seeded = {"seed": draw.seed()} if kind in ("euclidean", "random", "ties") else {}
    square = make(n, **seeded)
    return square, kind


def draw_distances(draw, square, kind):
    """Return a matrix in a dtype and a form, with the values it then has."""
    whole = kind in ("ties", "grid", "equal", "zero")
    dtypes = ("float64", "float64", "float32", "float16", *(["uint8", "int64"] if whole else []))
    square = square.astype(draw.choose(dtypes))
    given = distance_cases.condensed(square) if draw.chance(0.5) else square
    return lay_out(draw, given), square


def assert_same(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert found.tobytes() == np.ascontiguousarray(expected).tobytes(), (
        f"{np.argwhere(found != expected)[:1].tolist()} differ"
    )


def linkage(draw):
    """`linkage`, and what is read from its tree."""
    given, square = draw_distances(draw, *draw_square(draw))
    method = draw.choose(oracle.METHODS)
    single = square.dtype.kind == "f" and square.dtype.itemsize < 8
    dtype = draw.choose((None, None, "float32", "float64"))
    held = np.dtype(dtype or (np.float32 if single else np.float64))
    options = {"method": method, "dtype": dtype, "workers": draw.workers()}
    if draw.chance(0.2):
        given = np.array(given)
        copied = given.copy()
        tree = bx.linkage(copied, overwrite=True, **options)
        draw.calls.append(("linkage", (copied,), {**options, "overwrite": True}))
    else:
        tree = draw.call(bx.linkage, given, **options)
    expected = oracle.naive_linkage(square, method, held)
    assert_same(tree, expected)
    read_tree(draw, tree)


def read_tree(draw, tree):
    """`cophenetic_distances`, `leaf_order` and `flat_clusters`."""
    n = len(tree) + 1
    square = oracle.naive_cophenetic(tree)
    found = draw.call(bx.cophenetic_distances, lay_out(draw, tree), workers=draw.workers())
    assert_same(found, distance_cases.condensed(square))
    order = draw.call(bx.leaf_order, tree)
    assert sorted(order.tolist()) == list(range(n))
    limit = float(draw.choose([*tree[:, 2], 0.0, -1.0, 1e9]))
    if draw.chance(0.5):
        limit = float(np.nextafter(limit, -np.inf))
    found = draw.call(bx.flat_clusters, tree, distance=limit)
    assert_same(found, oracle.naive_flat(tree, limit))
    number = draw.integer(1, n)
    found = draw.call(bx.flat_clusters, tree, n_clusters=number)
    ranked = tree.copy()
    ranked[:, 2] = np.arange(n - 1)
    assert_same(found, oracle.naive_flat(ranked, n - number - 1))


def forms(draw):
    """`condense` and `expand`."""
    square, kind = draw_square(draw)
    _, square = draw_distances(draw, square, kind)
    wide = square.dtype.kind == "f" and square.dtype.itemsize < 8
    dtype = np.float32 if wide else np.float64
    found = draw.call(bx.condense, lay_out(draw, square), workers=draw.workers())
    expected = distance_cases.condensed(square).astype(dtype)
    assert_same(found, expected)
    again = draw.call(bx.expand, lay_out(draw, expected), workers=draw.workers())
    assert_same(again, square.astype(dtype))


def pack(draw, bits):
    """Return fingerprints as bool or packed."""
    kind = draw.choose(("bool", "uint8", "uint64"))
    packed = np.packbits(bits, axis=1)
    if kind == "uint8" and not (packed.shape[1] > 8 and packed.max(initial=0) <= 1):
        return lay_out(draw, packed)
    if kind == "uint64":
        whole = np.zeros((len(bits), -(-packed.shape[1] // 8) * 8), np.uint8)
        whole[:, : packed.shape[1]] = packed
        return whole.view(np.uint64).reshape(len(bits), -1)
    return lay_out(draw, bits)


def tanimoto(draw):
    """`tanimoto_distances` and `linkage_from_fingerprints`."""
    n, width = draw.integer(1, 12), draw.choose((1, 5, 8, 63, 64, 65, 129, 300))
    bits = distance_cases.random_fingerprints(n, width, draw.choose((0.02, 0.2, 0.7)), draw.seed())
    empty = draw.choose((0.0, 1.0, 0.25))
    exact = oracle.naive_tanimoto(bits, bits, empty)
    np.fill_diagonal(exact, 0)
    dtype = draw.choose(("float32", "float64"))
    options = {"empty_distance": empty, "workers": draw.workers()}
    given = pack(draw, bits)
    found = draw.call(bx.tanimoto_distances, given, dtype=dtype, **options)
    assert_same(found, distance_cases.condensed(exact).astype(dtype))
    square = draw.call(bx.tanimoto_distances, given, dtype=dtype, condensed=False, **options)
    assert_same(square, exact.astype(dtype))
    other = distance_cases.random_fingerprints(draw.integer(1, 5), width, 0.3, draw.seed())
    between = draw.call(bx.tanimoto_distances, bits, other, dtype=dtype, **options)
    assert_same(between, oracle.naive_tanimoto(bits, other, empty).astype(dtype))
    method = draw.choose(oracle.METHODS)
    tree = draw.call(bx.linkage_from_fingerprints, given, method, **options)
    narrow = exact.astype(np.float32)
    assert_same(tree, oracle.naive_linkage(narrow, method, np.float32))
