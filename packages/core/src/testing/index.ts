export { type Closeness, closeness, compareTo } from "./closeness.js";
export { type GradientCheck, gradientError } from "./gradients.js";
export { leakedTensors } from "./leaks.js";
