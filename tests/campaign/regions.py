"""Cases of `masked_mean`, `masked_stats`, `label_stats` and `RegionStats`."""

import itertools

import numpy as np

import boxel as bx
import cases
import oracle
import region_oracle
from campaign.blocks import MERGEABLE, STATISTICS, WEIGHTABLE, draw_dtype, draw_fill
from campaign.comparison import answer, assert_within, found_or_refused
from campaign.draws import draw_image, draw_shape, draw_weights, lay_out

LABEL_DTYPES = cases.INTEGERS


def draw_labels(draw, shape):
    """Draw labels, scattered or in runs, near zero or anywhere in their dtype."""
    dtype = np.dtype(draw.choose(LABEL_DTYPES))
    count = draw.integer(1, 6)
    size = int(np.prod(shape))
    if dtype.kind == "b":
        known = np.array([False, True])
    elif draw.chance(0.5):
        known = np.arange(count).astype(dtype)
    else:
        limits = np.iinfo(dtype)
        known = draw.random.integers(limits.min, limits.max, count, dtype, endpoint=True)
    which = draw.random.integers(0, len(known), size)
    if draw.chance(0.5):
        lengths = draw.random.integers(1, 30, size + 1)
        which = np.repeat(draw.random.integers(0, len(known), size + 1), lengths)[:size]
    labels = lay_out(draw, known[which].reshape(shape))
    if draw.chance(0.1):
        labels = np.ma.array(labels, mask=draw.random.random(shape) < 0.2)
    return labels, known


def draw_channels(draw, shape):
    """Draw the shape of the channels and, where they are not last, their axes."""
    trailing = draw.choose(((), (), (1,), (3,), (4,), (2, 3)))
    if not trailing or draw.chance(0.7):
        return trailing, None
    ndim = len(shape) + len(trailing)
    order = draw.random.permutation(ndim)[: len(trailing)].tolist()
    return trailing, tuple(order)


def draw_channel_image(draw, shape, trailing, channel_axis):
    """Return an image with its channels moved, and a view with them last."""
    image = draw_image(draw, draw_dtype(draw), (*shape, *trailing))
    last = tuple(range(len(shape), image.ndim))
    if channel_axis is None:
        return image, image
    moved = np.moveaxis(np.ma.getdata(image), last, channel_axis)
    if np.ma.isMaskedArray(image):
        moved = np.ma.array(moved, mask=np.moveaxis(np.ma.getmaskarray(image), last, channel_axis))
    return moved, image


def draw_names(draw, known):
    return draw.subset(known)[:4]


def draw_pixel_options(draw, shape, image, channel_axis, weighted):
    """Draw options for the call, and the same for the oracle."""
    options, asked = {}, {}
    if draw.chance(0.3):
        options["skipna"] = asked["skipna"] = draw.chance(0.8)
    if draw.chance(0.3):
        options["ddof"] = asked["ddof"] = draw.choose((0, 1, 0.5))
    if draw.chance(0.8):
        options["fill_value"] = asked["fill_value"] = draw_fill(draw)
    if weighted:
        per_pixel = draw.chance(0.5) or channel_axis is not None
        weights = draw_weights(draw, shape) if per_pixel else draw_weights(draw, image.shape)
        weights = np.broadcast_to(weights, shape if per_pixel else image.shape)
        options["weights"] = asked["weights"] = weights
    return options, asked


def draw_where(draw, shape, image, channel_axis):
    if channel_axis is None and draw.chance(0.4):
        shape = image.shape
    return lay_out(draw, draw.random.random(shape) < 0.7)


def label_stats(draw):
    shape = draw_shape(draw, 120, most_axes=3)
    labels, known = draw_labels(draw, shape)
    trailing, channel_axis = draw_channels(draw, shape)
    image, last = draw_channel_image(draw, shape, trailing, channel_axis)
    weighted = draw.chance(0.2)
    names = draw_names(draw, WEIGHTABLE if weighted else STATISTICS)
    options, asked = draw_pixel_options(draw, shape, last, channel_axis, weighted)
    if draw.chance(0.3):
        options["where"] = asked["where"] = draw_where(draw, shape, last, channel_axis)
    if draw.chance(0.4):
        asked["background"] = options["background"] = draw.choose((None, 0, int(known[0])))
    if draw.chance(0.3):
        index = [int(each) for each in draw.random.choice(known, draw.integer(1, 5))] + [77]
        options["index"] = asked["index"] = index
        if max(index) >= 2**63:
            options["index"] = np.array([each for each in index if each >= 0], np.uint64)
            asked["index"] = [each for each in index if each >= 0]
    expected = [
        answer(lambda name=name: region_oracle.label_stats(labels, last, name, **asked)[1:])
        for name in names
    ]
    if channel_axis is not None:
        options["channel_axis"] = channel_axis[0] if len(channel_axis) == 1 else channel_axis
    options["workers"] = draw.workers()
    found = found_or_refused(
        lambda: draw.call(bx.label_stats, labels, image, names, **options), expected
    )
    if found is None:
        return
    assert list(found) == ["label", *names]
    for name, right in zip(names, expected, strict=True):
        assert_within(found[name], *right)


def masked_stats(draw):
    shape = draw_shape(draw, 120, most_axes=3)
    mask = draw.random.random(shape) < draw.choose((0.1, 0.5, 0.9, 1.0))
    trailing, channel_axis = draw_channels(draw, shape)
    image, last = draw_channel_image(draw, shape, trailing, channel_axis)
    weighted = draw.chance(0.2)
    only_mean = draw.chance(0.3)
    names = ("mean",) if only_mean else draw_names(draw, WEIGHTABLE if weighted else STATISTICS)
    options, asked = draw_pixel_options(draw, shape, last, channel_axis, weighted)
    if only_mean:
        for name in ("ddof", "fill_value"):
            options.pop(name, None)
            asked.pop(name, None)
    expected = [
        answer(lambda name=name: region_oracle.label_stats(
            mask.astype(np.int64), last, name, index=[1], **asked)[1:])
        for name in names
    ]  # fmt: skip
    given = lay_out(draw, mask.astype(draw.choose(("bool", "bool", "uint8", "int32"))))
    if channel_axis is not None:
        options["channel_axis"] = channel_axis
    options["workers"] = draw.workers()
    function, arguments = (
        (bx.masked_mean, (image, given)) if only_mean else (bx.masked_stats, (image, given, names))
    )
    found = found_or_refused(lambda: draw.call(function, *arguments, **options), expected)
    if found is None:
        return
    found = {"mean": found} if only_mean else found
    for name, right in zip(names, expected, strict=True):
        assert_within(np.asarray(found[name])[np.newaxis], *right)


def region_tiles(draw):
    """`RegionStats` of tiles that are merged, against the whole."""
    shape = draw_shape(draw, 100, most_axes=2, least_axes=1)
    if 0 in shape:
        return
    labels, _ = draw_labels(draw, shape)
    trailing = draw.choose(((), (3,)))
    image = draw_image(draw, draw_dtype(draw), (*shape, *trailing))
    weighted = draw.chance(0.2)
    names = draw_names(draw, WEIGHTABLE if weighted else MERGEABLE)
    weights = np.broadcast_to(draw_weights(draw, shape), shape) if weighted else None
    options = {"skipna": draw.chance(0.3), "background": draw.choose((None, 0))}
    cuts = sorted({0, shape[0], draw.integer(0, shape[0]), draw.integer(0, shape[0])})
    parts = []
    for begin, end in itertools.pairwise(cuts):
        part = bx.RegionStats(names, **options)
        tile = slice(begin, end)
        given = {} if weights is None else {"weights": weights[tile]}
        draw.call(part.update, labels[tile], image[tile], workers=draw.workers(), **given)
        parts.append(part)
    whole = parts.pop(draw.integer(0, len(parts) - 1))
    for part in parts:
        whole = whole + part if draw.chance(0.5) else whole.merge(part)
    fill, ddof = draw_fill(draw), draw.choose((0, 1))
    expected = [
        answer(lambda name=name: region_oracle.label_stats(
            labels, image, name, weights=weights, fill_value=fill, ddof=ddof, **options))
        for name in names
    ]  # fmt: skip
    found = found_or_refused(lambda: whole.result(fill_value=fill, ddof=ddof), expected)
    if found is None:
        return
    for name, (index, *right) in zip(names, expected, strict=True):
        np.testing.assert_array_equal(found["label"], index)
        assert_within(found[name], *right)


def geometry(draw):
    """`count`, `bounding_box` and `centroid` of labels without an image."""
    shape = draw_shape(draw, 120, most_axes=3, least_axes=1)
    labels, _ = draw_labels(draw, shape)
    spacing = draw.choose((None, 2.0, [draw.choose((0.5, 1, 3.0)) for _ in shape]))
    found = draw.call(bx.label_stats, labels, spacing=spacing, workers=draw.workers())
    kept = ~np.ma.getmaskarray(labels)
    plain = oracle.native(np.ma.getdata(labels))
    known = sorted(set(plain[kept].tolist()) - {0})
    occurring = sorted(set(plain.ravel().tolist()) - {0})
    assert set(known) <= set(found["label"].tolist()) <= set(occurring)
    scale = np.ones(len(shape)) * (1 if spacing is None else spacing)
    for row, label in enumerate(found["label"].tolist()):
        places = np.argwhere((plain == label) & kept)
        assert found["count"][row] == len(places)
        if not len(places):
            continue
        box = [*places.min(axis=0), *(places.max(axis=0) + 1)]
        np.testing.assert_array_equal(found["bounding_box"][row], box)
        centroid = places.mean(axis=0) * scale
        np.testing.assert_allclose(found["centroid"][row], centroid, rtol=1e-14)
