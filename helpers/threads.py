"""How many threads the numerical libraries of a lesson take: one.

The course's arrays are small. Several threads on them wait for each other: on two cores a lesson takes up to three times as long with two. The environment variable
COURSE_THREADS sets another number, or "all", which leaves the libraries as they are.
"""

import os

from threadpoolctl import threadpool_limits


def limit():
    """Limits the numerical libraries that are loaded (BLAS, OpenMP) and those that will be, to COURSE_THREADS threads, by default one.

    ValueError where COURSE_THREADS is neither a whole number ≥ 1 nor "all".
    """
    wanted = os.environ.get("COURSE_THREADS", "1")
    if wanted == "all":
        return
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f'COURSE_THREADS must be a whole number ≥ 1 or "all", got {wanted!r}')
    threadpool_limits(int(wanted))
    os.environ["OMP_NUM_THREADS"] = wanted  # read by what is loaded later, as PyTorch is
