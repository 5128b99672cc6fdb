"""Tanimoto distances and the clustering of fingerprints, made up and of real molecules."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import boxel as bx
import linkage_oracle as oracle
from distance_cases import condensed, random_fingerprints
from subprocesses import run_script


def as_packed(fingerprints, dtype):
    """Return the same bits, packed."""
    bits = np.packbits(fingerprints, axis=1)
    if dtype == "uint8":
        return bits
    padded = np.zeros((len(bits), -(-bits.shape[1] // 8) * 8), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.uint64)


# Distances ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bits", [1, 7, 8, 63, 64, 65, 200, 512, 577, 2048])
@pytest.mark.parametrize("n", [0, 1, 2, 9, 70])
def test_distances(n, bits, dtype):
    fingerprints = random_fingerprints(n, bits, seed=bits)
    other = random_fingerprints(n + 3, bits, density=0.4, seed=n)
    square = oracle.naive_tanimoto(fingerprints, fingerprints)
    between = oracle.naive_tanimoto(fingerprints, other)
    for kind in ("bool", "uint8", "uint64"):
        first, second = fingerprints, other
        if kind != "bool":
            first, second = as_packed(fingerprints, kind), as_packed(other, kind)
        for workers in (1, 3):
            options = {"dtype": dtype, "workers": workers}
            found = bx.tanimoto_distances(first, **options)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, condensed(square).astype(dtype))
            found = bx.tanimoto_distances(first, condensed=False, **options)
            np.testing.assert_array_equal(found, square.astype(dtype))
            found = bx.tanimoto_distances(first, second, **options)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, between.astype(dtype))


@given(st.integers(1, 12), st.integers(1, 300), st.floats(0, 1), st.integers(0, 99))
def test_random_fingerprints(n, bits, density, seed):
    fingerprints = np.random.default_rng(seed).random((n, bits)) < density
    expected = oracle.naive_tanimoto(fingerprints, fingerprints)
    np.testing.assert_array_equal(
        bx.tanimoto_distances(fingerprints, dtype="float64"), condensed(expected)
    )
    np.testing.assert_array_equal(
        bx.tanimoto_distances(fingerprints, fingerprints[::-1], dtype="float64"), expected[:, ::-1]
    )


def test_all_bits_set():
    fingerprints = np.ones((20, 5000), bool)
    fingerprints[:, ::2] = False
    fingerprints[10:] = ~fingerprints[10:]
    distances = bx.expand(bx.tanimoto_distances(fingerprints))
    expected = np.kron([[0, 1], [1, 0]], np.ones((10, 10)))
    np.testing.assert_array_equal(distances, expected)


def test_empty_fingerprints():
    fingerprints = np.zeros((3, 100), bool)
    fingerprints[2, 50] = True
    np.testing.assert_array_equal(bx.tanimoto_distances(fingerprints), [0, 1, 1])
    for empty in (1.0, 0.25):
        found = bx.tanimoto_distances(fingerprints, empty_distance=empty)
        np.testing.assert_array_equal(found, [empty, 1, 1])
        square = bx.tanimoto_distances(fingerprints, empty_distance=empty, condensed=False)
        np.testing.assert_array_equal(square.diagonal(), 0)
        between = bx.tanimoto_distances(fingerprints, fingerprints, empty_distance=empty)
        np.testing.assert_array_equal(between.diagonal(), [empty, empty, 0])
        tree = bx.linkage_from_fingerprints(fingerprints, "single", empty_distance=empty)
        assert tree[0, 2] == empty
    assert bx.tanimoto_distances(np.zeros((4, 0), bool)).tolist() == [0] * 6


def test_equal_ratios_are_equal_distances():
    # 1/3 from 1 of 3 bits and from 100 of 300: ties must not depend on how they came about.
    fingerprints = np.zeros((4, 400), bool)
    fingerprints[0, :3] = fingerprints[1, :2] = True
    fingerprints[2, 10:310] = fingerprints[3, 10:210] = True
    distances = bx.expand(bx.tanimoto_distances(fingerprints))
    assert distances[0, 1] == distances[2, 3] == np.float32(1 / 3)


def test_float32_tells_distances_of_2048_bits_apart():
    union = np.arange(1, 2049)[:, np.newaxis]
    both = np.arange(2049)
    ratios = ((union - both) / union)[both <= union]
    assert len(np.unique(ratios.astype(np.float32))) == len(np.unique(ratios)) > 10**6


@pytest.mark.parametrize(
    "layout",
    [np.asfortranarray, lambda array: array[:, ::-1], lambda array: np.repeat(array, 2, 0)[::2]],
)
@pytest.mark.parametrize("kind", ["bool", "uint8", "uint64"])
def test_layouts(kind, layout):
    fingerprints = random_fingerprints(30, 320)
    given = fingerprints if kind == "bool" else as_packed(fingerprints, kind)
    expected = bx.tanimoto_distances(given)
    np.testing.assert_array_equal(bx.tanimoto_distances(layout(given)), expected)
    swapped = given.astype(given.dtype.newbyteorder())
    np.testing.assert_array_equal(bx.tanimoto_distances(swapped), expected)


def test_like_scipy():
    distance = pytest.importorskip("scipy.spatial.distance")
    fingerprints = random_fingerprints(60, 300)
    found = bx.tanimoto_distances(fingerprints, dtype="float64")
    np.testing.assert_allclose(found, distance.pdist(fingerprints, "jaccard"), rtol=1e-14)


# Errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [bx.tanimoto_distances, bx.linkage_from_fingerprints])
def test_errors(call):
    fingerprints = random_fingerprints(5, 128)
    for dtype in ("int64", "float64", "uint32", "int8"):
        with pytest.raises(TypeError, match=f"found dtype {dtype}.*fingerprints != 0"):
            call(fingerprints.astype(dtype))
    with pytest.raises(ValueError, match="seem not to be packed"):
        call(fingerprints.astype(np.uint8))
    with pytest.raises(ValueError, match=r"one row each, found the shape \(128,\)"):
        call(fingerprints[0])
    with pytest.raises(ValueError, match="empty_distance"):
        call(fingerprints, empty_distance=-1)
    with pytest.raises(ValueError, match="empty_distance"):
        call(fingerprints, empty_distance=np.inf)
    with pytest.raises(ValueError, match="workers"):
        call(fingerprints, workers=0)
    with pytest.raises(ValueError, match="must not be masked"):
        call(np.ma.masked_array(fingerprints, mask=~fingerprints))


def test_errors_of_distances():
    fingerprints = random_fingerprints(5, 128)
    for other in (fingerprints[:, :127], as_packed(fingerprints, "uint8")):
        with pytest.raises(ValueError, match="dtype and the columns"):
            bx.tanimoto_distances(fingerprints, other)
    with pytest.raises(ValueError, match="condensed"):
        bx.tanimoto_distances(fingerprints, fingerprints, condensed=True)
    with pytest.raises(TypeError, match="float32 or float64"):
        bx.tanimoto_distances(fingerprints, dtype="int32")
    with pytest.raises(ValueError, match="'nonsense'"):
        bx.linkage_from_fingerprints(fingerprints, "nonsense")
    with pytest.raises(TypeError, match="condensed"):
        bx.tanimoto_distances(fingerprints, condensed="yes")


# Trees --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", oracle.METHODS)
@pytest.mark.parametrize("n", [0, 1, 2, 40, 300])
def test_trees_of_fingerprints(n, method):
    fingerprints = random_fingerprints(n, 60)  # short ones: many ties
    expected = bx.linkage(bx.tanimoto_distances(fingerprints), method)
    for workers in (1, 3):
        found = bx.linkage_from_fingerprints(fingerprints, method, workers=workers)
        assert found.tobytes() == expected.tobytes()


def test_equal_fingerprints():
    fingerprints = np.ones((400, 70), bool)
    tree = bx.linkage_from_fingerprints(fingerprints, "single")
    np.testing.assert_array_equal(tree[:, 2], 0)
    np.testing.assert_array_equal(tree, bx.linkage(np.zeros(400 * 399 // 2), "single"))


@pytest.mark.slow
def test_single_linkage_of_fingerprints_holds_no_matrix():
    printed = run_script(
        """
        import resource
        import numpy as np
        import boxel as bx
        n = 30_000
        packed = np.random.default_rng(0).integers(0, 256, (n, 128), np.uint8)
        packed &= np.random.default_rng(1).integers(0, 256, (n, 128), np.uint8)
        bx.linkage_from_fingerprints(packed[:300], "single")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tree = bx.linkage_from_fingerprints(packed, "single", workers=2)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert tree.shape == (n - 1, 4) and np.all(np.diff(tree[:, 2]) >= 0)
        print((after - before) // 1024)
        """,
        timeout=300,
    )
    assert int(printed) < 60  # megabytes; the distances alone would be 1800


# Molecules ----------------------------------------------------------------------------------------


def molecules(count):
    """Return Morgan fingerprints of molecules that RDKit ships (the NCI's)."""
    chem = pytest.importorskip("rdkit.Chem")
    from rdkit import RDConfig, RDLogger
    from rdkit.Chem import rdFingerprintGenerator

    RDLogger.DisableLog("rdApp.*")
    with open(f"{RDConfig.RDDataDir}/NCI/first_5K.smi", encoding="utf-8") as file:
        smiles = [line.split()[0] for _, line in zip(range(2 * count), file, strict=False)]
    generator = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    parsed = (chem.MolFromSmiles(each) for each in smiles)
    return [generator.GetFingerprint(each) for each in parsed if each is not None][:count]


def bulk_distances(fingerprints):
    """Return the square matrix that RDKit computes."""
    from rdkit import DataStructs

    return np.array(
        [DataStructs.BulkTanimotoSimilarity(each, fingerprints, returnDistance=True)
         for each in fingerprints]
    )  # fmt: skip


def documented_line():
    """Return the expression by which the documentation packs RDKit's bit vectors."""
    page = Path(__file__).parent.parent / "docs" / "clustering.md"
    (line,) = set(re.findall(r"^packed = (.*)$", page.read_text(encoding="utf-8"), re.M))
    return line


def test_molecules_from_end_to_end():
    fingerprints = molecules(300)
    from rdkit import DataStructs

    packed = eval(
        documented_line(), {"np": np, "DataStructs": DataStructs, "vectors": fingerprints}
    )
    np.testing.assert_array_equal(
        np.unpackbits(packed, axis=1, bitorder="little"), [list(each) for each in fingerprints]
    )
    square = bulk_distances(fingerprints)
    found = bx.tanimoto_distances(packed, dtype="float64")
    np.testing.assert_allclose(found, condensed(square), rtol=0, atol=1e-15)

    tree = bx.linkage_from_fingerprints(packed, "average")
    np.testing.assert_allclose(tree[:, 2], bx.linkage(square)[:, 2], atol=1e-6)
    labels = bx.flat_clusters(tree, distance=0.6)
    within = bx.cophenetic_distances(tree)[condensed(labels[:, np.newaxis] == labels)]
    assert within.max() <= 0.6
    assert 1 < labels.max() + 1 < 300


def test_naive_calls_on_molecules_give_another_tree():
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    square = bulk_distances(molecules(300))
    tree = bx.linkage(square, "average")
    for (_, _, height, _), (distance, least) in zip(
        tree, oracle.followed(tree, square, "average"), strict=True
    ):
        assert height == pytest.approx(distance, rel=1e-12)
        assert height == pytest.approx(least, rel=1e-12)
    right = hierarchy.linkage(condensed(square), "average")
    with pytest.warns(hierarchy.ClusterWarning):
        wrong = hierarchy.linkage(square, "average")  # clusters the rows as observations
    assert shared_pairs(tree, right, 20) > 0.99
    assert shared_pairs(tree, wrong, 20) < 0.25
    with pytest.raises(ValueError, match="similarity"):
        bx.linkage(1 - square)


def shared_pairs(one, other, n_clusters):
    """Return the share of pairs in one cluster in either tree that are so in both."""
    together = []
    for tree in (one, other):
        labels = bx.flat_clusters(tree, n_clusters=n_clusters)
        together.append(condensed(labels[:, np.newaxis] == labels))
    return np.count_nonzero(together[0] & together[1]) / np.count_nonzero(together[0] | together[1])
