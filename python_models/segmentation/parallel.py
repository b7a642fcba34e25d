"""Independent tasks on several processes: Python's threads would wait for each other."""

from collections.abc import Callable, Iterable
from itertools import chain, islice

from joblib import Parallel, delayed

# Starting the processes takes longer than a few tasks.
_WORTHWHILE = 4


def run_in_processes(function: Callable, tasks: Iterable[tuple], *, processes: int) -> list:
    """Call a function with each task's arguments.

    Parameters
    ----------
    function : callable
        Of the module's top level, so that a process finds it.
    tasks : iterable of tuple
        Consumed as processes become free, so that only a few tasks are in memory at a time.
    processes : int
        Tasks at the same time; a few tasks are done in this process. The result does not depend
        on it.

    Returns
    -------
    list
        What the function returns, in the order of the tasks.
    """
    tasks = iter(tasks)
    first = list(islice(tasks, _WORTHWHILE))
    if len(first) < _WORTHWHILE or processes == 1:
        return [function(*task) for task in chain(first, tasks)]
    return Parallel(n_jobs=processes)(delayed(function)(*task) for task in chain(first, tasks))
