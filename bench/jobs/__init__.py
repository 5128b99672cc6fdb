"""The registry of jobs: each family's module adds its own."""

from __future__ import annotations

from fnmatch import fnmatchcase

from job import Job

from jobs import blocks, boxes, chunks, clustering, regions, running, unmix, voxels

ALL_JOBS: tuple[Job, ...] = (
    *blocks.JOBS,
    *boxes.JOBS,
    *voxels.JOBS,
    *running.JOBS,
    *regions.JOBS,
    *unmix.JOBS,
    *clustering.JOBS,
    *chunks.JOBS,
)


class UnknownJobError(Exception):
    """A pattern matches no job."""


def select(patterns: list[str]) -> list[Job]:
    """Return the jobs that match any of the patterns, in the registry's order."""
    for pattern in patterns:
        if not any(fnmatchcase(job.name, pattern) for job in ALL_JOBS):
            known = ", ".join(job.name for job in ALL_JOBS)
            raise UnknownJobError(f"no job matches {pattern!r}; the jobs are: {known}")
    return [job for job in ALL_JOBS if any(fnmatchcase(job.name, p) for p in patterns)]
