"""Tasks on several processes: all done, in order, and here where they are short."""

import os
import time

import pytest

from segmentation.parallel import run_in_processes


def process_after(seconds, number):
    time.sleep(seconds)
    return number, os.getpid()


@pytest.mark.parametrize("processes", [1, 2])
def test_short_tasks_are_done_here(processes):
    tasks = ((0, number) for number in range(6))
    done = run_in_processes(process_after, tasks, processes=processes)
    assert done == [(number, os.getpid()) for number in range(6)]


def test_long_tasks_go_to_other_processes_in_order():
    tasks = [(0.12, number) for number in range(6)]
    done = run_in_processes(process_after, iter(tasks), processes=2)
    assert [number for number, _ in done] == list(range(6))
    here = [process == os.getpid() for _, process in done]
    assert here == [True] * 3 + [False] * 3


def test_of_few_long_tasks_no_process_is_started(monkeypatch):
    monkeypatch.setattr("segmentation.parallel.Parallel", None)
    assert len(run_in_processes(process_after, [(0.12, 1), (0.3, 2)], processes=2)) == 2
