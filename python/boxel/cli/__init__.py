"""The ``boxel`` command line; needs the extra ``boxel[cli]``."""

from __future__ import annotations

from boxel._extras import require

require("click", extra="cli")
