import { type SafetensorsEntry, type SafetensorsFile, type SafetensorsInfo, SitError } from "@sitjs/core";

/** Tensors by name that are read one at a time: `openSafetensors`, `openTorch`, or a file in memory. */
export interface WeightSource {
  readonly tensors: Readonly<Record<string, Pick<SafetensorsInfo, "dtype" | "shape">>>;
  read(name: string): Promise<SafetensorsEntry>;
}

/** A safetensors file in memory, as a browser has it after `readSafetensors`, as a source of weights. */
export function weightsInMemory({ tensors }: Pick<SafetensorsFile, "tensors">): WeightSource {
  return {
    tensors,
    async read(name) {
      const entry = tensors[name];
      if (entry === undefined)
        throw new SitError("bad-parameters", `${name}: expected a tensor of that name`);
      return entry;
    },
  };
}
