"""`unmix` and `Unmixer`: undoing a known mixing."""

from __future__ import annotations

import warnings
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from boxel import _validate as check
from boxel.mixing.diagnosis import Diagnosis, IllConditionedWarning, Precision
from boxel.mixing.operands import checked_matrix
from boxel.mixing.options import Options
from boxel.mixing.report import UnmixResult
from boxel.mixing.task import Task

__all__ = ["Unmixer", "unmix"]

Array = NDArray[Any]


class Unmixer:
    """Undo one known mixing of many images: factor once, apply to each.

    Parameters
    ----------
    mixing : array_like of shape (unknowns, channels)
        The matrix; ``(channels, unknowns)`` for ``side="left"``. It is copied.
    side, method, rtol, alpha, noise_std, refine, on_ill_conditioned
        As in `unmix`. A mixing that loses channels is warned of (or refused) here; a mixture that
        is too coarse for the condition number, by `apply`.

    Attributes
    ----------
    rank : int
        Combinations of channels that the mixture keeps.
    condition_number : float
        The condition number of the mixing; an estimate unless it is large.

    See Also
    --------
    unmix : For one image, or one stack of them.

    Notes
    -----
    The inverse is kept, with ``refine`` to nearly twice the working precision, and applying it is
    a matrix product: one with ``refine=0``; with refinement three, or two for images of up to
    20 bits or so. An object may be used by several threads at once.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> unmixer = bx.Unmixer([[2.0, 1.0], [1.0, 1.0]])
    >>> unmixer.apply([[5.0, 3.0], [1.0, 0.5]])
    array([[2. , 1. ],
           [0.5, 0. ]])
    >>> unmixer
    Unmixer(2 unknown from 2 mixed channels, side='right', rank 2, condition number 9)
    """

    def __init__(
        self,
        mixing: ArrayLike,
        *,
        side: str = "right",
        method: str = "auto",
        rtol: float | None = None,
        alpha: float | str | None = None,
        noise_std: float | None = None,
        refine: int = 1,
        on_ill_conditioned: str = "warn",
    ) -> None:
        options = Options.checked(
            side=side,
            method=method,
            rtol=rtol,
            alpha=alpha,
            noise_std=noise_std,
            refine=refine,
            on_ill_conditioned=on_ill_conditioned,
        )
        self._task = Task(checked_matrix(mixing), options)
        # Told here is what no number of digits would help; `apply` knows how many a mixture has.
        self._diagnosis = self._task.diagnose(Precision.of_dtype(np.dtype(np.float64)))
        _tell(self._diagnosis, options, stacklevel=3)

    @property
    def rank(self) -> int:
        """Combinations of channels that the mixture keeps."""
        return self._diagnosis.rank

    @property
    def condition_number(self) -> float:
        """The condition number of the mixing; an estimate unless it is large."""
        return self._diagnosis.condition.number

    def __repr__(self) -> str:
        matrix = self._task.matrix
        return (
            f"Unmixer({matrix.unknowns} unknown from {matrix.channels} mixed channels, "
            f"side={self._task.options.side!r}, rank {self.rank}, "
            f"condition number {self.condition_number:.2g})"
        )

    @overload
    def apply(self, mixed: ArrayLike, *, full_output: Literal[False] = False) -> Array: ...

    @overload
    def apply(self, mixed: ArrayLike, *, full_output: Literal[True]) -> UnmixResult: ...

    @overload
    def apply(self, mixed: ArrayLike, *, full_output: bool) -> Array | UnmixResult: ...

    def apply(self, mixed: ArrayLike, *, full_output: bool = False) -> Array | UnmixResult:
        """Undo the mixing of an image, or of a stack of images.

        Parameters
        ----------
        mixed : array_like of shape (..., rows, channels)
            The mixture; ``(..., channels, columns)`` for ``side="left"``.
        full_output : bool, default: False
            Return an `UnmixResult` instead of the image alone.

        Returns
        -------
        ndarray or UnmixResult
            As `unmix` returns.

        Raises
        ------
        TypeError, ValueError, IllConditionedError
            As `unmix` raises.
        """
        wanted = check.truth(full_output, "full_output")
        image = self._task.checked(mixed)
        diagnosis, result = self._task.run(image, once=False, full_output=wanted)
        # What the constructor has told already is not told again.
        if self._diagnosis.problem is None:
            _tell(diagnosis, self._task.options, stacklevel=3)
        return result


@overload
def unmix(
    mixed: ArrayLike,
    mixing: ArrayLike,
    *,
    side: str = "right",
    method: str = "auto",
    rtol: float | None = None,
    alpha: float | str | None = None,
    noise_std: float | None = None,
    refine: int = 1,
    on_ill_conditioned: str = "warn",
    full_output: Literal[False] = False,
) -> Array: ...


@overload
def unmix(
    mixed: ArrayLike,
    mixing: ArrayLike,
    *,
    side: str = "right",
    method: str = "auto",
    rtol: float | None = None,
    alpha: float | str | None = None,
    noise_std: float | None = None,
    refine: int = 1,
    on_ill_conditioned: str = "warn",
    full_output: Literal[True],
) -> UnmixResult: ...


def unmix(
    mixed: ArrayLike,
    mixing: ArrayLike,
    *,
    side: str = "right",
    method: str = "auto",
    rtol: float | None = None,
    alpha: float | str | None = None,
    noise_std: float | None = None,
    refine: int = 1,
    on_ill_conditioned: str = "warn",
    full_output: bool = False,
) -> Array | UnmixResult:
    """Recover an image from a known linear mixing, and say how far to trust the result.

    Finds X in ``mixed = X @ mixing`` (or ``mixing @ X``). Where the mixture does not determine X,
    or not at its precision, this does not pass in silence: see `on_ill_conditioned`.

    Parameters
    ----------
    mixed : array_like of shape (..., rows, channels)
        The mixture, or a stack of mixtures: bool, integers or floats. For ``side="left"`` its
        shape is ``(..., channels, columns)``.
    mixing : array_like of shape (unknowns, channels)
        The matrix that mixed; ``(channels, unknowns)`` for ``side="left"``. Fewer unknowns than
        channels are fitted by least squares; of more, the least X that explains the mixture is
        taken.
    side : {"right", "left"}, default: "right"
        Where the matrix stood: ``image @ mixing`` or ``mixing @ image``.
    method : {"auto", "lu", "qr", "svd", "ridge"}, default: "auto"
        * ``"lu"`` solves a square system, the fastest way.
        * ``"qr"`` solves by least squares, or for the least X.
        * ``"svd"`` leaves out the singular values below `rtol` times the largest.
        * ``"ridge"`` damps what noise would drown: it minimises
          ``||X @ mixing - mixed||**2 + alpha**2 * ||X||**2``.
        * ``"auto"`` takes ``"lu"`` or, for a matrix that is not square, ``"qr"``; ``"ridge"`` if
          `alpha` is given.

        ``"lu"`` and ``"qr"`` give way to ``"svd"`` where the matrix has not full rank.
    rtol : float, optional
        Singular values up to `rtol` times the largest count as zero. Default: the larger dimension
        of `mixing` times the epsilon of float64, or the epsilon of float32 if that is larger and
        `mixing` is float32 or float16.
    alpha : float or {"gcv", "discrepancy"}, optional
        How strongly ridge regularises, in units of singular values (the square of what is called
        alpha in statistics): a number above 0, or the way to choose it for each frame from the
        data. ``"gcv"``, generalized cross-validation, needs to know nothing of the noise but takes
        it to be independent from sample to sample; ``"discrepancy"`` leaves as much residual as
        `noise_std` explains. Default: ``"discrepancy"`` if `noise_std` is given, else ``"gcv"``.
    noise_std : float, optional
        The standard deviation of the noise in `mixed`, in its units. Default: none but rounding,
        for integers of 8 and 16 bits rounding to whole levels.
    refine : int, default: 1
        Steps of iterative refinement, with a residual in wider precision. They remove the rounding
        errors of solving, not what noise and rounding have done to `mixed`. Without effect where
        the method regularises or cuts, and on float32 results, whose work is in float64 throughout.
    on_ill_conditioned : {"warn", "raise", "regularize", "ignore"}, default: "warn"
        What to do where X is not determined: if the rank of `mixing` is less than the unknowns, or
        if its condition number makes errors of the mixture grow to a tenth of X. One
        `IllConditionedWarning` a call, an `IllConditionedError`, method ``"ridge"`` in silence, or
        nothing.
    full_output : bool, default: False
        Return an `UnmixResult` instead of the image alone.

    Returns
    -------
    ndarray or UnmixResult
        The image, of shape ``(..., rows, unknowns)``, or ``(..., unknowns, columns)`` for
        ``side="left"``: float32 if NumPy would make float16 or float32 of both inputs, else
        float64. With `full_output`, the image is ``.x`` of the result.

    Raises
    ------
    TypeError
        If a dtype is not accepted, or an option has the wrong type.
    ValueError
        If the shapes do not chain, an input is empty, masked, or holds NaN or infinity, or an
        option has no such value.
    IllConditionedError
        With ``on_ill_conditioned="raise"``; a ValueError, as every `numpy.linalg.LinAlgError`.

    Warns
    -----
    IllConditionedWarning
        With ``on_ill_conditioned="warn"``.

    See Also
    --------
    Unmixer : Factors once for many images.
    mix : The other direction.

    Notes
    -----
    All work is done in float64. For what the error bounds mean, see `UnmixResult`. LAPACK does
    the factorisations, through NumPy, or SciPy where that is installed. The threads are those of
    the BLAS in use.

    References
    ----------
    N. J. Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd edition, SIAM, 2002,
    chapters 7, 9, 12, 20; P. C. Hansen, *Discrete Inverse Problems*, SIAM, 2010, chapters 4 and 5.

    Examples
    --------
    >>> import numpy as np
    >>> import boxel as bx
    >>> image = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> mixing = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])
    >>> mixed = bx.mix(image, mixing)
    >>> bx.unmix(mixed, mixing)
    array([[1., 2., 3.],
           [4., 5., 6.]])
    >>> result = bx.unmix(mixed, mixing, full_output=True)
    >>> result.forward_error_bound < 1e-14
    True
    """
    options = Options.checked(
        side=side,
        method=method,
        rtol=rtol,
        alpha=alpha,
        noise_std=noise_std,
        refine=refine,
        on_ill_conditioned=on_ill_conditioned,
    )
    wanted = check.truth(full_output, "full_output")
    task = Task(checked_matrix(mixing), options)
    diagnosis, result = task.run(task.checked(mixed), once=True, full_output=wanted)
    _tell(diagnosis, options, stacklevel=3)
    return result


def _tell(diagnosis: Diagnosis, options: Options, *, stacklevel: int) -> None:
    """Warn of what is wrong, if that was asked for."""
    if diagnosis.problem is not None and options.on_ill_conditioned == "warn":
        warnings.warn(diagnosis.problem, IllConditionedWarning, stacklevel=stacklevel)
