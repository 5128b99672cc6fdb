"""A short run of the differential campaign, and that it finds what differs."""

import numpy as np
import pytest

import boxel as bx
from campaign import run
from campaign.draws import Draw, allocate, describe_call, lay_out

CASES = 4 * run.ROUND


def test_random_calls_agree_with_exact_answers():
    failures = [failure for _, _, failure in run.run(0, range(CASES)) if failure]
    assert not failures, "\n".join(failures)


def test_all_families_take_part():
    assert {run.family_of(case) for case in range(run.ROUND)} == set(run.FAMILIES)


def test_wrong_digits_are_found_and_can_be_reproduced(monkeypatch):
    """A voxel that is one place off, in a result of ten thousands, is enough."""
    right = bx.voxel_var

    def wrong(*arguments, **options):
        found = right(*arguments, **options)
        if found.dtype == np.float64 and found.size > 1:
            found.flat[-1] *= 1 + 1e-9
        return found

    monkeypatch.setitem(run.FAMILIES["voxels"][0].__globals__["VOXEL_FUNCTIONS"], "var", wrong)
    voxels = [case for case in range(24 * run.ROUND) if run.family_of(case) == "voxels"]
    failures = [failure for _, _, failure in run.run(0, voxels) if failure]
    assert failures
    seed, case = failures[0].split()[1:4:2]
    assert run.run_case(int(seed), int(case)) == failures[0]
    monkeypatch.undo()
    assert run.run_case(int(seed), int(case)) is None


@pytest.mark.parametrize("seed", range(60))
def test_layouts_keep_the_values(seed):
    draw = Draw(seed)
    values = draw.random.normal(size=draw.choose(((), (5,), (0, 3), (2, 3, 4))))
    view = lay_out(draw, values)
    np.testing.assert_array_equal(view, values)
    assert describe_call("f", (view, 2), {"out": (view,)}).startswith("f(<")
    output, memory = allocate(draw, values.shape, "int16")
    assert output.size == 0 or np.shares_memory(output, memory)
