"""Undoing a known linear mixing of images, and saying how far to trust the result.

Each module knows one thing, and only those above it:

=====================  ==========================================================
`wide`                 products in more than double precision
`factorisations`       LU, QR and SVD by LAPACK
`alphas`               how strongly to regularise
`operands`             sides, shapes, dtypes, scales: everything becomes rows in float64
`matrix`               a mixing matrix, with what has been found out about it
`diagnosis`            can it be undone at this precision, and by which method
`solve`                doing it
`bounds`               errors, noise gain, recoverability
`report`, `options`    what users get and give
`task`                 the way from a mixture to a result
`mixtures`, `unmixer`  the public functions
=====================  ==========================================================
"""

from boxel.mixing.diagnosis import IllConditionedError, IllConditionedWarning
from boxel.mixing.mixtures import mix
from boxel.mixing.report import UnmixResult
from boxel.mixing.unmixer import Unmixer, unmix

__all__ = ["IllConditionedError", "IllConditionedWarning", "UnmixResult", "Unmixer", "mix", "unmix"]
