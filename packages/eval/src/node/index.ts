export type { EmbeddingNotes, EmbeddingRows } from "./embedding-rows.js";
export { readEmbeddings, type SavedEmbeddings } from "./read-embeddings.js";
export { writeEmbeddings } from "./write-embeddings.js";
