import { applyRules, type GroupRule, param, requireOption, tidy, trainable } from "@sitjs/core";
import * as tf from "@tensorflow/tfjs";
import {
  matrixDecayRules,
  type Optimizer,
  type OptimizerInput,
  type OptimizerStep,
  type ParameterGroup,
} from "./optimizer.js";

export interface SgdOptions {
  /** Share of the last velocity that goes on, not Nesterov's (default 0.9). */
  readonly momentum?: number;
  /** Which parameters decay, and at which share of the learning rate (default `matrixDecayRules`). */
  readonly rules?: readonly GroupRule<ParameterGroup>[];
}

export interface LarsOptions extends SgdOptions {
  /** Length of a step as a share of the parameter's, at learning rate 1 (default 0.001). */
  readonly trust?: number;
}

/** Stochastic gradient descent with momentum as in PyTorch: `v = momentum v + g + wd p`, `p -= lr v`. */
export function sgd(options: SgdOptions = {}): Optimizer {
  return momentumOptimizer("sgd", options, {}, (gradient) => gradient);
}

/**
 * LARS (You et al. 2017, "Large Batch Training of Convolutional Networks", as in MoCo v3 and MAE): momentum on gradients
 * that are scaled, parameter by parameter, to `trust` times the parameter's norm, weight decay included. Biases and other
 * parameters of one axis are not scaled.
 */
export function lars(options: LarsOptions = {}): Optimizer {
  const { trust = 0.001 } = options;
  requireOption(trust > 0, "trust", "a number above 0", trust);
  return momentumOptimizer("lars", options, { trust }, (gradient, old) => {
    if (old.rank <= 1) return gradient;
    const [length, step] = [tf.norm(old), tf.norm(gradient)];
    const known = tf.logicalAnd(tf.greater(length, 0), tf.greater(step, 0));
    // Where either is zero there is no ratio: the gradient as it is.
    const ratio = tf.where(known, tf.div(tf.mul(length, trust), tf.maximum(step, 1e-30)), tf.onesLike(step));
    return tf.mul(gradient, ratio);
  });
}

/** @param direction of a step by the gradient, weight decay included; runs in `tf.tidy` */
function momentumOptimizer(
  name: string,
  { momentum = 0.9, rules = matrixDecayRules }: SgdOptions,
  settings: Readonly<Record<string, number>>,
  direction: (gradient: tf.Tensor, old: tf.Tensor) => tf.Tensor,
): Optimizer {
  requireOption(momentum >= 0 && momentum < 1, "momentum", "a number from 0 to below 1", momentum);
  const entry = (parameter: string) => `velocity.${parameter}`;
  return {
    name,
    settings: { momentum, ...settings },
    init: (params) =>
      Object.fromEntries(
        Object.entries(trainable(params)).map(([key, tensor]) => [entry(key), tf.zeros(tensor.shape)]),
      ),
    update({ params, gradients, state, step, learningRate, weightDecay, frozenSteps }: OptimizerInput) {
      const groups = applyRules(params, rules);
      return tidy((): OptimizerStep => {
        const [nextParams, nextState]: [Record<string, tf.Tensor>, Record<string, tf.Tensor>] = [{}, {}];
        for (const [key, group] of groups) {
          const [old, velocity] = [param(params, key), param(state, entry(key))];
          const frozen = step < (frozenSteps?.(key) ?? 0);
          const moved = frozen ? undefined : movedBy(old, velocity, param(gradients, key), group);
          nextParams[key] = moved?.next ?? tf.clone(old);
          nextState[entry(key)] = moved?.velocity ?? tf.clone(velocity);
        }
        return { params: nextParams, state: nextState };

        function movedBy(old: tf.Tensor, velocity: tf.Tensor, gradient: tf.Tensor, group: ParameterGroup) {
          const decay = weightDecay * group.weightDecay;
          const whole = decay === 0 ? gradient : tf.add(gradient, tf.mul(old, decay));
          const next = tf.add(tf.mul(velocity, momentum), direction(whole, old));
          return { velocity: next, next: tf.sub(old, tf.mul(next, learningRate * group.learningRate)) };
        }
      });
    },
  };
}
