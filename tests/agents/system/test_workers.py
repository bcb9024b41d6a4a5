"""Processes that share work: all of it is done, and what goes wrong is told."""

import os
from contextlib import closing

import pytest

from carousel_agents.system.workers import each
from carousel_envs import CarouselError


def _squared_unless_negative(x: int) -> int:
    if x < -1:
        os._exit(3)
    if x < 0:
        raise CarouselError("it is negative")
    return x * x


@pytest.mark.sampled(2)
@pytest.mark.parametrize("workers", [2, 1])
def test_every_task_is_done_by_any_number_of_workers(workers):
    with closing(each({f"{x}": x for x in range(4)}, _squared_unless_negative, workers)) as found:
        assert dict(found) == {"0": 0, "1": 1, "2": 4, "3": 9}


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("task", "sentence"), [(-1, "it is negative"), (-2, "a worker.s process ended")]
)
def test_an_error_in_another_process_is_raised_here(task, sentence):
    with pytest.raises(CarouselError, match=sentence):
        list(each({"a": 1, "b": task}, _squared_unless_negative, 2))
