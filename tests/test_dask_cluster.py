"""boxel.dask on a cluster of worker processes, one of which dies on the way."""

import os
import signal

import numpy as np
import pytest

import boxel as bx

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

import boxel.dask as bd  # noqa: E402

pytestmark = pytest.mark.slow

# Tasks that want data of the dead worker give up after a while; a loaded machine is slow.
PATIENCE = {
    "distributed.comm.timeouts.connect": "15s",
    "distributed.comm.timeouts.tcp": "30s",
    "distributed.worker.memory.terminate": False,
    "distributed.worker.memory.pause": False,
}


@pytest.fixture(scope="module")
def client():
    with (
        dask.config.set(PATIENCE),
        distributed.LocalCluster(
            n_workers=3, threads_per_worker=1, processes=True, dashboard_address=None,
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):  # fmt: skip
        client.wait_for_workers(3, timeout=120)
        yield client


def dies_once(chunk, folder=None, after=0):
    """Return the chunk; but the first worker that comes here after so many chunks is killed."""
    if chunk.size == 0:
        return chunk
    with open(os.path.join(folder, "seen"), "ab") as seen:
        seen.write(b".")
    if os.path.getsize(os.path.join(folder, "seen")) > after:
        try:
            os.close(os.open(os.path.join(folder, "killed"), os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return chunk
        os.kill(os.getpid(), signal.SIGKILL)
    return chunk


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL")
def test_results_are_right_although_a_worker_is_killed(client, tmp_path):
    rng = np.random.default_rng(0)
    stack = rng.integers(-500, 500, (48, 60, 50)).astype(np.int16)
    labels = rng.integers(0, 6, (60, 50))
    lazy = da.from_array(stack, (2, 20, 25)).map_blocks(
        dies_once, folder=str(tmp_path), after=20, dtype=stack.dtype, meta=stack[:0, :0, :0]
    )
    lazy_labels = da.from_array(labels, (25, 20))
    mean, var = bd.voxel_mean_var(lazy, 0, ddof=1)
    asked = {
        "mean": mean,
        "var": var,
        "blocks": bd.block_reduce(lazy, (5, 7, 7), "var"),
        "boxes": bd.box_filter(lazy, 5, "max", mode="wrap"),
        "regions": bd.label_stats(lazy_labels, lazy, ("mean", "var"), channel_axis=0),
    }
    found = dict(zip(asked, client.compute(list(asked.values()), sync=True), strict=True))
    assert (tmp_path / "killed").exists()
    expected_mean, expected_var = bx.voxel_mean_var(stack, 0, ddof=1)
    np.testing.assert_array_equal(found["mean"], expected_mean)
    np.testing.assert_array_equal(found["var"], expected_var)
    np.testing.assert_array_equal(found["blocks"], bx.block_reduce(stack, (5, 7, 7), "var"))
    np.testing.assert_array_equal(found["boxes"], bx.box_filter(stack, 5, "max", mode="wrap"))
    expected = bx.label_stats(labels, stack, ("mean", "var"), channel_axis=0)
    for name, column in expected.items():
        np.testing.assert_array_equal(found["regions"][name], column)


def test_open_statistics_travel(client):
    parts = np.random.default_rng(1).normal(size=(6, 4, 10))
    futures = client.map(lambda part: bx.RunningStats().update_many(part), list(parts))
    merged = client.submit(lambda stats: sum(stats[1:], stats[0]), futures).result(timeout=120)
    np.testing.assert_allclose(merged.var(), parts.reshape(24, 10).var(axis=0))
    futures = client.map(
        lambda part: bx.RegionStats("mean").update([1, 2], part[0, :2]), list(parts)
    )
    merged = client.submit(lambda stats: sum(stats[1:], stats[0]), futures).result(timeout=120)
    np.testing.assert_allclose(merged.result()["mean"], parts[:, 0, :2].mean(axis=0))
