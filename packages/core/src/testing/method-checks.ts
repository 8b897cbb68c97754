import * as tf from "@tensorflow/tfjs";
import type { Params } from "../module.js";
import { tidy } from "../ops/backend.js";
import { isBuffer, trainable, withoutPrefix } from "../params.js";
import { randomStream } from "../random.js";
import { paramsFromSafetensors, paramsToSafetensors } from "../tensors.js";
import { type Check, checksOf, type Ensure } from "./check.js";
import { leakedTensors } from "./leaks.js";
import {
  begin,
  computed,
  epochStarted,
  prepared,
  type RunOptions,
  type RunState,
  stepped,
  type TestedMethod,
} from "./method-run.js";
import { requireGradients, requireStart, shaken } from "./module-checks.js";
import { type SettingsCheckOptions, settingsBodies } from "./settings-checks.js";
import { allFinite, bitsOf, bitsOfAll, drawn, shapeText } from "./values.js";

export interface MethodCheckOptions extends RunOptions, SettingsCheckOptions<TestedMethod> {
  /** The step of the central differences (default 1e-3), and false for no such check: a stopped gradient has none. */
  readonly step?: number | false;
}

/**
 * What is asked of every method: make it small. It is trained for a few steps on eight images by gradient descent, where
 * it has a teacher with one that follows. `make` is called for each check, and has to give a new method each time.
 */
export function methodChecks(make: () => TestedMethod, options: MethodCheckOptions = {}): Check[] {
  const { step = 1e-3 } = options;
  /** A state as it is after the work before the first epoch. */
  const started = (method: TestedMethod) => epochStarted(method, begin(method), options);

  return checksOf(make, {
    ...settingsBodies(make, options),

    "starts with finite parameters, drawn from the stream alone": (method, ensure) =>
      requireStart(method, ensure),

    "has its backbone's parameters under the prefix that it says"(method, ensure) {
      const own = withoutPrefix(method.backbonePrefix, method.init(randomStream(0, "init")));
      const wanted = method.backbone.init(randomStream(0, "init"));
      ensure(method.backbonePrefix.endsWith("."), "a prefix that ends with a dot", method.backbonePrefix);
      requireSame(wanted, own, `the backbone's parameters below ${method.backbonePrefix}`, ensure);
    },

    async "has a teacher that can follow its student, or none"(method, ensure) {
      const { student, teacher } = begin(method);
      const leaked = await leakedTensors(() => tidy(() => void method.initTeacher(student)));
      ensure(leaked === 0, "no tensor kept", leaked);
      if (teacher === undefined) return;
      requireSame(student, trainable(teacher), "the teacher's among the student's parameters", ensure, true);
    },

    async "gives a finite loss, and new values of buffers that there are"(method, ensure) {
      const state = await started(method);
      const { loss, parts, gradients, buffers, teacherBuffers } = computed(method, state, options);
      for (const [name, value] of Object.entries({ loss, ...parts })) {
        ensure(value.rank === 0 && allFinite(value), `${name}, a finite scalar`, shapeText(value));
      }
      ensure(
        allFinite(tf.stack(Object.values(gradients).map((gradient) => tf.sum(gradient)))),
        "finite gradients",
        "others",
      );
      const moving = Object.values(gradients).some((gradient) =>
        gradient.dataSync().some((value) => value !== 0),
      );
      ensure(moving, "a gradient that is not 0", "zeros");
      for (const [old, next] of [
        [state.student, buffers],
        [state.teacher ?? {}, teacherBuffers],
      ] as const) {
        const trained = Object.keys(next).find((name) => !isBuffer(name));
        ensure(trained === undefined, "names of buffers (see isBuffer)", trained);
        requireSame(old, next, "buffers among the parameters", ensure, true);
      }
    },

    async "computes a step the same way again"(method, ensure) {
      const state = await started(method);
      const bits = () => {
        const { loss, gradients, buffers, teacherBuffers } = computed(method, state, options);
        return [bitsOf(loss), ...[gradients, buffers, teacherBuffers].map(bitsOfAll)].join("\n");
      };
      const first = bits();
      ensure(bits() === first, "the same bits for the same state and stream", "others");
    },

    async "has the gradients that central differences say, for every parameter"(method, ensure) {
      if (step === false) return;
      const state = await started(method);
      const moved: RunState = { ...state, student: shaken(state.student) };
      const loss = (student: Params) => prepared(method, moved, options).loss(student).loss;
      requireGradients(loss, moved.student, step, ensure);
    },

    async "borrows what it is given, and keeps no tensor"(method, ensure) {
      const state = begin(method);
      const given = [...Object.values(state.student), ...Object.values(state.teacher ?? {})];
      const before = given.map(bitsOf).join();
      const leaked = await leakedTensors(async () => {
        const { student } = await epochStarted(method, state, options);
        tidy(() => void computed(method, { ...state, student }, options));
        tf.dispose(Object.values(student).filter((tensor) => !given.includes(tensor)));
      });
      ensure(leaked === 0, "no tensor left by a step", leaked);
      ensure(!given.some((tensor) => tensor.isDisposed), "parameters that are not disposed", "others");
      ensure(given.map(bitsOf).join() === before, "parameters as they were", "others");
    },

    async "goes on from a saved state to the same bits"(method, ensure) {
      // The first method has gone the whole way: what it remembers beside its state shows in the last step.
      let state = begin(method);
      for (let done = 0; done < STEPS - 1; done++) state = await stepped(method, state, options);
      const loaded: RunState = {
        student: await written(state.student),
        teacher: state.teacher && (await written(state.teacher)),
        step: state.step,
      };
      const [on, resumed] = [
        await stepped(method, state, options),
        await stepped(await make(), loaded, options),
      ];
      for (const network of ["student", "teacher"] as const) {
        const [a, b] = [on, resumed].map((end) => bitsOfAll(end[network] ?? {}));
        ensure(a === b, `the same ${network} after ${STEPS} steps in one run and in two`, "others");
      }
    },

    async "shows what it reconstructs, or nothing"(method, ensure) {
      const { reconstruct, backbone } = method;
      if (reconstruct === undefined) return;
      const { student } = await started(method);
      const images = drawn<tf.Tensor4D>(
        [2, backbone.imageSize, backbone.imageSize, backbone.channels],
        "images",
      );
      const shown = () =>
        ({ ...method.reconstruct?.(student, images, randomStream(0, "reconstruct")) }) as Params;
      const first = shown();
      const leaked = await leakedTensors(shown);
      ensure(leaked === 3, "three tensors left, those of the picture", leaked);
      for (const [name, channels] of Object.entries({
        corrupted: backbone.channels,
        reconstruction: backbone.channels,
        mask: 1,
      })) {
        const tensor = first[name] as tf.Tensor;
        const expected = `[${[...images.shape.slice(0, 3), channels].join(", ")}]`;
        ensure(shapeText(tensor) === expected, `${name} ${expected}`, shapeText(tensor));
        ensure(allFinite(tensor), `finite ${name}`, "others");
      }
      const other = first.mask?.dataSync().find((value) => value !== 0 && value !== 1);
      ensure(other === undefined, "0 or 1 at each pixel of the mask", other);
      ensure(bitsOfAll(shown()) === bitsOfAll(first), "the same picture from the same stream", "another");
    },
  });
}

const STEPS = 3;

/** Written to a file in memory and read again. */
async function written(params: Params): Promise<Params> {
  return paramsFromSafetensors(await paramsToSafetensors(params));
}

/** Names and shapes: those of `found` are all of `wanted`, or with `part` some. */
function requireSame(wanted: Params, found: Params, what: string, ensure: Ensure, part = false): void {
  const missing = part ? undefined : Object.keys(wanted).find((name) => found[name] === undefined);
  ensure(missing === undefined, what, `none named ${missing}`);
  for (const [name, tensor] of Object.entries(found)) {
    const like = wanted[name];
    const fits = like !== undefined && shapeText(like) === shapeText(tensor);
    ensure(fits, like ? `${name} ${shapeText(like)}` : what, like ? shapeText(tensor) : `another, ${name}`);
  }
}
