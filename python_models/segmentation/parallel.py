"""Independent tasks on several threads: the loops that take long hold no lock of Python's."""

import threading
from collections.abc import Callable, Iterable
from functools import cache

from joblib import Parallel, delayed
from threadpoolctl import ThreadpoolController

_own = threading.local()


def run_in_threads(function: Callable, tasks: Iterable[tuple], *, threads: int) -> list:
    """Call a function with each task's arguments.

    Parameters
    ----------
    function : callable
    tasks : iterable of tuple
        The longest first, where they differ. Consumed as threads become free, so that only a few
        tasks are in memory at a time.
    threads : int
        Tasks at the same time. The result does not depend on it.

    Returns
    -------
    list
        What the function returns, in the order of the tasks.
    """
    return Parallel(n_jobs=threads, prefer="threads")(delayed(function)(*task) for task in tasks)


def use_one_thread() -> None:
    """Keep libraries from adding in threads, whose order the last digits of a sum depend on.

    Holds for the calling thread from here on; another thread that adds asks for itself.
    """
    if not getattr(_own, "has_one_thread", False):
        _thread_pools().limit(limits=1)
        _own.has_one_thread = True


@cache
def _thread_pools() -> ThreadpoolController:
    # Looking for the libraries takes longer than many a fit.
    return ThreadpoolController()
