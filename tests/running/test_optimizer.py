import math

import numpy as np
import paddle
import pytest

from textzoo.config.optimizer_keys import optimizer_problems
from textzoo.config.schema import Optimizer
from textzoo.running.optimizer import build_optimizer, learning_rate


def settings(class_name="SGD", rate=0.1, **others):
    return Optimizer.model_validate({"class": class_name, "learning_rate": rate, **others})


# ------------------------------------------------------------------ the schedule


def rates(total, **others):
    return [learning_rate(settings(rate=1.0, **others), step, total) for step in range(total)]


def test_a_constant_rate_without_warmup_stays():
    assert rates(5) == [1.0] * 5


def test_warmup_in_steps_rises_evenly_to_the_highest_rate():
    assert rates(8, warmup=3) == pytest.approx([1 / 4, 2 / 4, 3 / 4, 1, 1, 1, 1, 1])


def test_warmup_below_one_is_a_share_of_all_steps():
    assert rates(12, warmup=0.25) == rates(12, warmup=3)


def test_linear_decay_by_hand():
    assert rates(4, schedule="linear") == pytest.approx([1, 3 / 4, 2 / 4, 1 / 4])


def test_cosine_decay_by_hand():
    half = math.sqrt(0.5)
    assert rates(4, schedule="cosine") == pytest.approx([1, (1 + half) / 2, 0.5, (1 - half) / 2])


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_decay_starts_after_the_warmup(schedule):
    found = rates(14, schedule=schedule, warmup=4)
    assert found[:4] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert found[4:] == pytest.approx(rates(10, schedule=schedule))


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_rate_has_fallen_to_zero_at_the_end_and_stays_there(schedule):
    for step in (10, 11, 1000):
        assert learning_rate(settings(schedule=schedule), step, 10) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("warmup", [0.0, 0.5, 1, 5, 100])
def test_every_step_of_the_shortest_runs_has_a_rate_above_zero(schedule, warmup):
    for total in (1, 2, 3):
        assert all(0 < rate <= 1 for rate in rates(total, schedule=schedule, warmup=warmup))


def test_rates_scale_with_the_highest_one():
    one = learning_rate(settings(rate=1.0, schedule="cosine", warmup=0.1), 17, 50)
    assert learning_rate(settings(rate=0.02, schedule="cosine", warmup=0.1), 17, 50) == (
        pytest.approx(0.02 * one)
    )


# ------------------------------------------------------------------ the update, in NumPy


def sgd(w, gradients, rate, weight_decay=0.0):
    for g in gradients:
        w = w - rate * (g + weight_decay * w)
    return w


def momentum(w, gradients, rate, momentum, use_nesterov=False):
    velocity = 0
    for g in gradients:
        velocity = momentum * velocity + g
        w = w - rate * (g + momentum * velocity if use_nesterov else velocity)
    return w


def adagrad(w, gradients, rate, epsilon=1e-6, initial_accumulator_value=0.0):
    total = initial_accumulator_value
    for g in gradients:
        total = total + g * g
        w = w - rate * g / (np.sqrt(total) + epsilon)
    return w


def adam(w, gradients, rate, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
    m = v = 0
    for t, g in enumerate(gradients, start=1):
        w = w * (1 - rate * weight_decay)
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        w = w - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
    return w


def adamw(w, gradients, rate, weight_decay=0.01, **others):
    return adam(w, gradients, rate, weight_decay=weight_decay, **others)


UPDATES = [
    ("SGD", sgd, {}),
    ("SGD", sgd, {"weight_decay": 0.1}),
    ("Momentum", momentum, {"momentum": 0.8}),
    ("Momentum", momentum, {"momentum": 0.8, "use_nesterov": True}),
    ("Adagrad", adagrad, {}),
    ("Adagrad", adagrad, {"epsilon": 1e-3, "initial_accumulator_value": 0.1}),
    ("Adam", adam, {}),
    ("Adam", adam, {"beta1": 0.5, "beta2": 0.9, "epsilon": 1e-2}),
    ("AdamW", adamw, {}),
    ("AdamW", adamw, {"weight_decay": 0.3, "beta1": 0.8}),
]


def clipped(gradient, norm):
    return gradient * min(1.0, norm / np.linalg.norm(gradient))


@pytest.mark.parametrize("max_grad_norm", [None, 1.5])
@pytest.mark.parametrize(("class_name", "update", "arguments"), UPDATES)
def test_updates_equal_numpy(class_name, update, arguments, max_grad_norm):
    random = np.random.default_rng(0)
    start = random.normal(size=6).astype("float32")
    gradients = random.normal(size=(3, 6)).astype("float32")
    weight = paddle.create_parameter([6], "float32")
    weight.set_value(start)
    built = build_optimizer(settings(class_name, 0.1, **arguments), [weight], max_grad_norm)
    for gradient in gradients:
        (weight * paddle.to_tensor(gradient)).sum().backward()
        built.step()
        built.clear_grad()
    if max_grad_norm:
        assert max(map(np.linalg.norm, gradients)) > max_grad_norm
        gradients = [clipped(gradient, max_grad_norm) for gradient in gradients]
    expected = update(start.astype("float64"), gradients, 0.1, **arguments)
    np.testing.assert_allclose(weight.numpy(), expected, rtol=2e-5, atol=2e-6)


def test_the_norm_of_all_parameters_together_is_clipped():
    parts = [paddle.create_parameter([2], "float32") for _ in range(2)]
    for part in parts:
        part.set_value(np.zeros(2, "float32"))
    built = build_optimizer(settings("SGD", 1.0), parts, 1.0)
    (
        parts[0] * paddle.to_tensor([2.0, 4.0]) + parts[1] * paddle.to_tensor([5.0, 6.0])
    ).sum().backward()
    built.step()
    norm = 9.0  # of (2, 4, 5, 6)
    np.testing.assert_allclose(parts[0].numpy(), [-2 / norm, -4 / norm], rtol=1e-6)
    np.testing.assert_allclose(parts[1].numpy(), [-5 / norm, -6 / norm], rtol=1e-6)


# ------------------------------------------------------------------ arguments


@pytest.mark.parametrize(
    "class_name",
    [
        *("SGD", "Momentum", "Adagrad", "Adam", "AdamW", "RMSProp", "Adadelta", "Adamax", "Lamb"),
        *("NAdam", "RAdam", "ASGD", "Rprop"),
    ],
)
def test_each_class_trains_with_its_defaults(class_name):
    assert optimizer_problems(class_name, {}) == []
    weight = paddle.create_parameter([3], "float32")
    before = weight.numpy()
    built = build_optimizer(settings(class_name), [weight], None)
    (weight * weight + weight).sum().backward()
    built.step()
    assert (weight.numpy() != before).any()


@pytest.mark.parametrize(("class_name", "update", "arguments"), UPDATES)
def test_a_class_s_own_arguments_are_accepted(class_name, update, arguments):
    assert optimizer_problems(class_name, arguments) == []


def test_each_unknown_argument_is_named_with_the_nearest():
    problems = optimizer_problems("Momentum", {"momentun": 0.9, "nesterov": True, "momentum": 0.9})
    assert problems == [
        "hyper_parameters.optimizer.momentun: unknown key; did you mean "
        "hyper_parameters.optimizer.momentum?",
        "hyper_parameters.optimizer.nesterov: unknown key; did you mean "
        "hyper_parameters.optimizer.use_nesterov?",
    ]


@pytest.mark.parametrize("name", ["learning_rate", "parameters", "grad_clip", "name"])
def test_arguments_that_textzoo_sets_are_refused(name):
    (problem,) = optimizer_problems("Adam", {name: None})
    assert problem.startswith(f"hyper_parameters.optimizer.{name}: unknown key")


@pytest.mark.parametrize(
    ("class_name", "name", "value", "says"),
    [
        ("Adam", "beta1", 1.5, "received 1.5 (float), expected float, >= 0, < 1"),
        ("Adam", "beta2", math.nan, "received nan (float), expected float, >= 0, < 1"),
        ("Adam", "epsilon", "small", "received 'small' (str), expected float, > 0"),
        ("Adam", "amsgrad", 1, "received 1 (int), expected true or false"),
        ("AdamW", "weight_decay", "x", "received 'x' (str), expected float, >= 0 or null"),
        ("SGD", "weight_decay", -1, "received -1 (int), expected float, >= 0 or null"),
        ("SGD", "multi_precision", "abc", "received 'abc' (str), expected true or false"),
        ("Momentum", "momentum", "high", "received 'high' (str), expected float, >= 0, < 1"),
        ("Adagrad", "initial_accumulator_value", math.inf, "expected float, >= 0"),
        ("ASGD", "batch_num", 0, "received 0 (int), expected int, > 0"),
        ("Rprop", "etas", [0.5], "expected a list of float, > 0, length >= 2, length <= 2"),
        ("Own", "decay", math.nan, "received nan (float), expected float"),
        ("Own", "nesterov", "yes", "received 'yes' (str), expected true or false"),
    ],
)
def test_a_value_that_the_class_does_not_take_is_a_problem(class_name, name, value, says):
    class Own(paddle.optimizer.SGD):
        def __init__(self, decay=0.1, nesterov=False, **others):
            super().__init__(**others)

    (problem,) = optimizer_problems(class_name, {name: value}, {"Own": Own})
    assert problem.startswith(f"hyper_parameters.optimizer.{name}: received {value!r}")
    assert says in problem


def test_values_that_only_the_class_can_judge_are_a_problem():
    (problem,) = optimizer_problems("Rprop", {"etas": [1.5, 1.2]})
    assert problem.startswith("hyper_parameters.optimizer: Rprop does not accept {'etas': [1.5,")


@pytest.mark.parametrize("class_name", ["adam", "Optimizer", "LBFGS", "lr", "paddle", ""])
def test_what_is_no_optimizer_class_is_refused(class_name):
    (problem,) = optimizer_problems(class_name, {})
    assert problem.startswith(f"hyper_parameters.optimizer.class: received {class_name!r}")
    assert "Adagrad, Adam, AdamW" in problem
