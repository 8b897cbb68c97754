export type { PickleValue } from "./torch/pickle.js";
export { PickleGlobal, PickleRecord } from "./torch/pickle.js";
export { type TorchStorage, TorchTensor, type TorchValue } from "./torch/tensor.js";
