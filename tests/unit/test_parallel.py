"""Tasks on several threads: all done, in order, at the same time where that is asked for."""

import threading

import pytest

from segmentation.parallel import run_in_threads


@pytest.mark.parametrize("threads", [1, 2])
def test_results_come_in_the_order_of_the_tasks(threads):
    tasks = ((number, 10) for number in range(50))
    assert run_in_threads(divmod, tasks, threads=threads) == [divmod(i, 10) for i in range(50)]


def test_as_many_tasks_go_on_at_once_as_there_are_threads():
    """Each of two tasks waits for the other."""
    both_there = threading.Barrier(2)
    tasks = [(30,), (30,)]
    assert sorted(run_in_threads(both_there.wait, tasks, threads=2)) == [0, 1]


def test_an_error_of_a_task_is_raised():
    with pytest.raises(ZeroDivisionError):
        run_in_threads(divmod, [(1, 1), (1, 0)], threads=2)
