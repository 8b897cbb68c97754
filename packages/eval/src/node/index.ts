export type { EmbeddingNotes, EmbeddingRows } from "./embedding-rows.js";
export { type EmbeddingTable, readEmbeddings, type SavedEmbeddings } from "./read-embeddings.js";
export { writeEmbeddings } from "./write-embeddings.js";
export { requireOwnNumpy as requireOwnEmbeddings } from "./write-numpy.js";
