import numpy as np
import paddle
import pytest
from paddle import static

from textzoo.nets.conditions import check_holds


def test_a_condition_that_does_not_hold_stops_dynamic_graph():
    check_holds(paddle.ones([2]).sum() > 1)
    with pytest.raises(FloatingPointError, match="not finite"):
        check_holds(paddle.ones([2]).sum() > 2)


def test_a_condition_that_does_not_hold_stops_a_static_program():
    paddle.enable_static()
    try:
        with static.program_guard(static.Program()), static.scope_guard(static.Scope()):
            given = static.data("given", [None], "float32")
            check_holds(given.sum() > 1)
            after = given * 2
            executor = static.Executor(paddle.CPUPlace())

            def run(values):
                feed = {"given": np.array(values, "float32")}
                program = static.default_main_program()
                return executor.run(program, feed=feed, fetch_list=[after])[0].tolist()

            assert run([1, 2]) == [2, 4]
            with pytest.raises(Exception, match=r"(?i)assert|condition"):
                run([0, 1])
    finally:
        paddle.disable_static()
