"""Image files for the tests, and the density map as its definition has it."""

import struct
import zlib

import numpy as np


def expected_density(counts, block):
    """Return the fraction of True in each block, the edge blocks being smaller."""
    counts = np.asarray(counts, dtype=bool)
    shape = [-(-length // size) for length, size in zip(counts.shape, block, strict=True)]
    density = np.empty(shape)
    for index in np.ndindex(*shape):
        box = tuple(
            slice(step * size, (step + 1) * size) for step, size in zip(index, block, strict=True)
        )
        density[index] = counts[box].mean()
    return density


def sparse_image(shape, dtype=np.uint8, seed=0):
    """Return an image of which about a third is nonzero."""
    random = np.random.default_rng(seed)
    values = random.integers(1, 100, size=shape)
    return np.where(random.random(shape) < 0.35, values, 0).astype(dtype)


def png_bytes(width, height, *, bit_depth, colour_type, rows):
    """Return a PNG file with the given raw rows, each with its filter byte."""

    def chunk(kind, data):
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def cut(path, fraction):
    """Cut a file short."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * fraction)])


def varied(shape, dtype, seed=0):
    """Return samples of very different sizes, whose float64 sums show the order of additions."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind != "f":
        return random.integers(0, 200, shape).astype(dtype)
    values = random.normal(size=shape) * 10.0 ** random.integers(-4, 4, size=shape)
    return values.astype(dtype)


def same_bits(found, expected):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(expected).tobytes()
