"""Independent tasks on several processes: Python's threads would wait for each other."""

import time
from collections.abc import Callable, Iterable
from itertools import chain, islice

from joblib import Parallel, delayed

# Processes take seconds to start. The first tasks are done here; where each of them takes this many
# seconds, the rest is worth it.
_FIRST_TASKS = 3
_WORTHWHILE = 0.1


def run_in_processes(function: Callable, tasks: Iterable[tuple], *, processes: int) -> list:
    """Call a function with each task's arguments.

    Parameters
    ----------
    function : callable
        Of a module's top level, so that a process finds it.
    tasks : iterable of tuple
        The longest first, where they differ. Consumed as processes become free, so that only a few
        tasks are in memory at a time.
    processes : int
        Tasks at the same time; where tasks are short or few, all are done in this process. The
        result does not depend on it.

    Returns
    -------
    list
        What the function returns, in the order of the tasks.
    """
    tasks = iter(tasks)
    started = time.monotonic()
    results = [function(*task) for task in islice(tasks, _FIRST_TASKS)]
    if processes == 1 or time.monotonic() - started < _WORTHWHILE * _FIRST_TASKS:
        return results + [function(*task) for task in tasks]
    rest = list(islice(tasks, 1))
    if not rest:
        return results
    return results + Parallel(n_jobs=processes)(
        delayed(function)(*task) for task in chain(rest, tasks)
    )
