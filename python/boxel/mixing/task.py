"""One mixing matrix, what is asked of it, and the way from a mixture to a result."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel.mixing.bounds import errors_of, response_of
from boxel.mixing.diagnosis import (
    Diagnosis,
    IllConditionedError,
    Precision,
    choose_method,
    diagnose,
    is_stored_in_levels,
)
from boxel.mixing.matrix import KnownMixing
from boxel.mixing.operands import Frames, checked_image, refuse_unchained, result_dtype
from boxel.mixing.options import Options
from boxel.mixing.report import UnmixResult
from boxel.mixing.solve import Solution, solve

__all__ = ["Task"]

Array = NDArray[Any]


class Task:
    """A mixing matrix and what is to be done with it."""

    def __init__(self, mixing: Array, options: Options) -> None:
        self.options = options
        self.shape = mixing.shape
        self.matrix = KnownMixing(mixing if options.side == "right" else mixing.T, options.rtol)
        options.check_shape(self.matrix.unknowns, self.matrix.channels)

    def checked(self, mixed: ArrayLike) -> Array:
        """Return a mixture that fits the matrix, or raise."""
        image = checked_image(mixed, "mixed")
        refuse_unchained(image.shape, self.shape, self.options.side, "mixed", forward=False)
        return image

    def diagnose(self, precision: Precision) -> Diagnosis:
        """Find out whether mixtures of this precision can be undone; raise if that was asked."""
        diagnosis = diagnose(self.matrix, precision, self.options.method)
        if diagnosis.problem is not None and self.options.on_ill_conditioned == "raise":
            raise IllConditionedError(diagnosis.problem)
        return diagnosis

    def run(
        self, image: Array, *, once: bool, full_output: bool
    ) -> tuple[Diagnosis, Array | UnmixResult]:
        """Undo the mixing of an image; return what there is to tell, and the result."""
        options, matrix = self.options, self.matrix
        frames = Frames.of(image, options.side)
        if once and not options.refine and len(frames.flat) <= matrix.unknowns:
            matrix.awaited = frames.flat
        precision = Precision.of_frames(frames, image.dtype, options.noise_std)
        diagnosis = self.diagnose(precision)
        dtype = result_dtype(image.dtype, matrix.dtype)
        solution = solve(
            matrix,
            frames,
            choose_method(matrix, diagnosis, options.method, options.on_ill_conditioned),
            rank=diagnosis.rank,
            alpha=options.alpha,
            noise_std=options.noise_std,
            steps=options.refine if dtype == np.float64 else 0,
            once=once,
        )
        x = frames.restored(solution.rows, matrix.exponent, dtype)
        if not full_output:
            return diagnosis, x
        return diagnosis, self._report(x, image.dtype, frames, precision, diagnosis, solution)

    def _report(
        self,
        x: Array,
        mixed_dtype: np.dtype[Any],
        frames: Frames,
        precision: Precision,
        diagnosis: Diagnosis,
        solution: Solution,
    ) -> UnmixResult:
        matrix, rank = self.matrix, diagnosis.rank
        half_level = 0.5 if is_stored_in_levels(mixed_dtype) else 0.0
        errors = errors_of(
            matrix,
            frames.flat,
            # What the result's dtype has rounded away is an error too.
            solution.rows.reshape(-1, matrix.unknowns).astype(x.dtype).astype(np.float64),
            solution,
            rank,
            rounding=Precision.of_dtype(mixed_dtype).relative,
            level_error=np.repeat(frames.scaled(half_level), frames.rows.shape[1]),
        )
        response = response_of(matrix, solution, rank)

        def per_frame(values: Array) -> Any:
            return frames.per_frame(values, each=not isinstance(self.options.alpha, float))

        noise_std: Any = self.options.noise_std
        if noise_std is None and solution.noise_std is not None:
            noise_std = per_frame(frames.unscaled(solution.noise_std))
        alphas = solution.alphas
        ridge = alphas is not None
        return UnmixResult(
            x=x,
            method=solution.method,
            refinements=solution.steps,
            unknowns=matrix.unknowns,
            rank=rank,
            condition_number=diagnosis.condition.number,
            condition_is_exact=diagnosis.condition.exact,
            singular_values=matrix.known_singular_values,
            alpha=None if alphas is None else per_frame(np.ldexp(alphas, matrix.exponent)),
            degrees_of_freedom=per_frame(response.degrees_of_freedom) if ridge else float(rank),
            noise_std=noise_std,
            backward_error=errors.backward,
            forward_error_bound=errors.forward,
            solver_error_bound=errors.solver,
            noise_gain=per_frame(response.noise_gain) if ridge else response.noise_gain,
            recoverability=per_frame(response.recoverability) if ridge else response.recoverability,
            precision=precision.relative,
            precision_source=precision.source,
        )
