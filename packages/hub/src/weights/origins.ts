/** Whose names a file of weights has. */
export type WeightOrigin = "timm" | "huggingface-vit" | "dino" | "mae" | "moco-v3" | "sit";

export const weightOrigins: readonly WeightOrigin[] = [
  "timm",
  "huggingface-vit",
  "dino",
  "mae",
  "moco-v3",
  "sit",
];

/** Where a foreign tensor goes: one of ours, or one of the three equal parts of it (queries, keys, values). */
export interface Place {
  readonly name: string;
  readonly part?: 0 | 1 | 2;
}

const timmPatches = "patch_embed.proj.weight";
const huggingFacePatches = "embeddings.patch_embeddings.projection.weight";

/** The networks in a file, by the prefix of their names ("" for names without one). */
export function networkPrefixes(names: readonly string[]): string[] {
  const prefixes: string[] = [];
  for (const name of names) {
    for (const end of [timmPatches, huggingFacePatches]) {
      if (name === end || name.endsWith(`.${end}`)) prefixes.push(name.slice(0, -end.length));
    }
  }
  return prefixes;
}

/** Whose names these are. */
export function detectOrigin(names: readonly string[]): WeightOrigin {
  const some = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (names.some((name) => name === huggingFacePatches || name.endsWith(`.${huggingFacePatches}`))) {
    return "huggingface-vit";
  }
  if (some(/(^|[.])(base_encoder|momentum_encoder)[.]/)) return "moco-v3";
  if (some(/(^|[.])head_recons[.]/) || some(/(^|[.])SiT_/)) return "sit";
  if (some(/(^|[.])decoder_blocks[.]0[.]/)) return "mae";
  if (some(/^(student|teacher)[.]/)) return "dino";
  return some(/(^|[.])head[.]2[.]weight$/) ? "sit" : "timm";
}

/** Which of several networks is meant where nobody says: the one that the origin's own code evaluates. */
export const preferredNetwork: Readonly<Partial<Record<WeightOrigin, string>>> = {
  dino: "teacher",
  sit: "teacher",
  "moco-v3": "base_encoder",
};

/** A name without its network's prefix, as ours; undefined where the backbone and a classifier have nothing of it. */
export function translate(origin: WeightOrigin, name: string): Place | undefined {
  return origin === "huggingface-vit" ? fromHuggingFace(name) : fromTimm(origin, name);
}

/** Tensors of a classifier that lie outside the network's prefix. */
export function translateOutside(origin: WeightOrigin, name: string): Place | undefined {
  return origin === "huggingface-vit" && /^classifier[.](weight|bias)$/.test(name)
    ? { name: name.replace("classifier.", "head.") }
    : undefined;
}

const classifiers: Readonly<Partial<Record<WeightOrigin, RegExp>>> = {
  timm: /^head[.](weight|bias)$/,
  mae: /^head[.](weight|bias)$/,
  // A linear classifier: what MoCo v3 pretrains with is a perceptron of the same name.
  "moco-v3": /^head[.](weight|bias)$/,
  dino: /^head[.](weight|bias)$/,
  sit: /^head[.]([02][.])?(weight|bias)$/,
};

function fromTimm(origin: WeightOrigin, name: string): Place | undefined {
  if (/^fc_norm[.](weight|bias)$/.test(name)) return { name: name.replace("fc_norm", "head.norm") };
  if (name.startsWith("head.")) return classifiers[origin]?.test(name) ? { name } : undefined;
  const scale = /^(blocks[.]\d+)[.]ls([12])[.]gamma$/.exec(name);
  if (scale) return { name: `${scale[1]}.gamma_${scale[2]}` };
  return /^(cls_token|pos_embed|patch_embed[.]proj|blocks[.]\d+[.]|norm[.]|rel_pos_bias[.])/.test(name)
    ? { name }
    : undefined;
}

const huggingFaceNames: Readonly<Record<string, string>> = {
  "embeddings.cls_token": "cls_token",
  "embeddings.position_embeddings": "pos_embed",
  "embeddings.patch_embeddings.projection.weight": "patch_embed.proj.weight",
  "embeddings.patch_embeddings.projection.bias": "patch_embed.proj.bias",
  "layernorm.weight": "norm.weight",
  "layernorm.bias": "norm.bias",
};

/** Layers of a block; the second name is that of transformers 5's modules, the first that of its files. */
const huggingFaceLayers: Readonly<Record<string, Place>> = {
  "attention.attention.query": { name: "attn.qkv", part: 0 },
  "attention.attention.key": { name: "attn.qkv", part: 1 },
  "attention.attention.value": { name: "attn.qkv", part: 2 },
  "attention.q_proj": { name: "attn.qkv", part: 0 },
  "attention.k_proj": { name: "attn.qkv", part: 1 },
  "attention.v_proj": { name: "attn.qkv", part: 2 },
  "attention.output.dense": { name: "attn.proj" },
  "attention.o_proj": { name: "attn.proj" },
  "intermediate.dense": { name: "mlp.fc1" },
  "output.dense": { name: "mlp.fc2" },
  "mlp.fc1": { name: "mlp.fc1" },
  "mlp.fc2": { name: "mlp.fc2" },
  layernorm_before: { name: "norm1" },
  layernorm_after: { name: "norm2" },
};

function fromHuggingFace(name: string): Place | undefined {
  const known = Object.hasOwn(huggingFaceNames, name) ? huggingFaceNames[name] : undefined;
  if (known !== undefined) return { name: known };
  const found = /^(?:encoder[.]layer|layers)[.](\d+)[.](.+)[.](weight|bias)$/.exec(name);
  const layer = found?.[2] ?? "";
  const place = Object.hasOwn(huggingFaceLayers, layer) ? huggingFaceLayers[layer] : undefined;
  return found && place ? { ...place, name: `blocks.${found[1]}.${place.name}.${found[3]}` } : undefined;
}

/**
 * Our parameters' names in a file of Hugging Face's `ViTModel`, below `vit.` : the name, or three for queries, keys and
 * values. Undefined for what `ViTModel` does not have.
 */
export function toHuggingFace(name: string): readonly string[] | undefined {
  const top = Object.entries(huggingFaceNames).find(([, ours]) => ours === name);
  if (top) return [top[0]];
  const found = /^blocks[.](\d+)[.](.+)[.](weight|bias)$/.exec(name);
  const layers = Object.entries(huggingFaceLayers)
    .filter(([theirs, { name: ours }]) => ours === found?.[2] && !/_proj$|^mlp[.]/.test(theirs))
    .map(([theirs]) => `encoder.layer.${found?.[1]}.${theirs}.${found?.[3]}`);
  return layers.length > 0 ? layers : undefined;
}
