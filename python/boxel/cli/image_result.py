"""What comes of a command whose result is an image."""

from __future__ import annotations

from dataclasses import dataclass

from boxel.cli.inputs import Image
from boxel.streaming.collecting import Collector

__all__ = ["ImageResult"]


@dataclass(frozen=True)
class ImageResult:
    """The image that was read, what was made of it, and how long that took."""

    image: Image
    values: Collector
    seconds: float
