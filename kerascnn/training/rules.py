"""Update rules that Keras lacks, or has in another form than the recipes that were published with them."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

Concerns = Callable[[Any], bool]  # whether a weight is decayed and its step adapted


class RMSPropTF1(keras.optimizers.Optimizer):
    """RMSProp as TensorFlow 1 computes it, which the recipes of Inception, MnasNet and EfficientNet rest on.

    ``ms = rho ms + (1 - rho) g^2``, ``mom = momentum mom + rate g / sqrt(ms + epsilon)``, ``w = w - mom``. The mean of
    squares ``ms`` starts at one; Keras starts it at zero, and its first step is tens of times longer. Tieleman & Hinton
    2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf; ``ApplyRMSProp`` of TensorFlow.
    """

    def __init__(self, rate: float, *, momentum: float, epsilon: float, rho: float = 0.9):
        super().__init__(rate)
        self.momentum, self.epsilon, self.rho = momentum, epsilon, rho

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.squares = self.add_optimizer_variables(variables, "squares", initializer="ones")
            self.steps = self.add_optimizer_variables(variables, "step")

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        square, step = self.squares[place], self.steps[place]
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.rho))
        self.assign(step, self.momentum * step + learning_rate * gradient * ops.rsqrt(square + self.epsilon))
        self.assign_sub(variable, step)


class LARS(keras.optimizers.Optimizer):
    """Momentum whose rate is set layer by layer. You et al. 2017, https://arxiv.org/abs/1708.03888, algorithm 1.

    ``ratio = trust |w| / (|g| + decay |w|)``, ``v = momentum v + rate ratio (g + decay w)``, ``w = w - v``. Weights
    that it does not concern have no decay and a ratio of one.
    """

    def __init__(self, rate: float, *, momentum: float, decay: float, concerns: Concerns, trust: float = 0.001):
        super().__init__(rate)
        self.momentum, self.decay, self.concerns, self.trust = momentum, decay, concerns, trust

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.concerned = [self.concerns(variable) for variable in variables]
            self.steps = self.add_optimizer_variables(variables, "step")

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        step = self.steps[place]
        if self.concerned[place]:
            weight, slope = norm(variable), norm(gradient)
            ratio = quotient(self.trust * weight, slope + self.decay * weight)
            gradient = ratio * (gradient + self.decay * variable)
        self.assign(step, self.momentum * step + learning_rate * gradient)
        self.assign_sub(variable, step)


class LAMB(keras.optimizers.Optimizer):
    """Adam whose rate is set layer by layer. You et al. 2019, https://arxiv.org/abs/1904.00962, algorithm 2.

    ``u = m' / (sqrt(v') + epsilon) + decay w`` of Adam's corrected moments, ``w = w - rate |w| / |u| u``. Weights that
    it does not concern have no decay and a ratio of one. In ``keras.optimizers.Lamb`` decay stays out of ``u``, and
    every weight is adapted.
    """

    def __init__(
        self,
        rate: float,
        *,
        beta_1: float,
        epsilon: float,
        decay: float,
        concerns: Concerns,
        beta_2: float = 0.999,
    ):
        super().__init__(rate)
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.decay, self.concerns = decay, concerns

    def build(self, variables):
        if not self.built:
            super().build(variables)
            self.concerned = [self.concerns(variable) for variable in variables]
            self.means = self.add_optimizer_variables(variables, "mean")
            self.squares = self.add_optimizer_variables(variables, "squares")

    def update_step(self, gradient, variable, learning_rate):
        place = self._get_variable_index(variable)
        mean, square = self.means[place], self.squares[place]
        self.assign_add(mean, (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, (ops.square(gradient) - square) * (1 - self.beta_2))
        count: Any = ops.cast(ops.add(self.iterations, 1), variable.dtype)
        root: Any = ops.sqrt(square / one_minus_power(self.beta_2, count))
        update = mean / one_minus_power(self.beta_1, count) / (root + self.epsilon)
        if self.concerned[place]:
            update += self.decay * variable
            update *= quotient(norm(variable), norm(update))
        self.assign_sub(variable, learning_rate * update)


def one_minus_power(base: float, exponent) -> Any:
    """``1 - base ** exponent``, of which a subtraction in float32 would leave four digits for a base of 0.999."""
    return ops.negative(ops.expm1(exponent * math.log(base))) if base else 1.0


def norm(tensor) -> Any:
    return ops.sqrt(ops.sum(ops.square(tensor)))


def quotient(weight, update) -> Any:
    """Their ratio; one where either norm is zero, as for a layer that starts at zero."""
    both = ops.logical_and(weight > 0, update > 0)
    return ops.where(both, weight / ops.where(both, update, 1.0), 1.0)
