import type { SchemaElement } from "hyparquet-writer";
import type { EmbeddingNotes, EmbeddingRows } from "./embedding-rows.js";

/** Rows of a row group: they are in memory together. */
const GROUP_ROWS = 4000;

/** https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists: a list in three levels. */
const schema: SchemaElement[] = [
  { name: "root", num_children: 5 },
  { name: "file", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "split", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "REQUIRED" },
  { name: "label", type: "INT32", repetition_type: "OPTIONAL" },
  { name: "class", type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type: "OPTIONAL" },
  {
    name: "embedding",
    repetition_type: "REQUIRED",
    num_children: 1,
    converted_type: "LIST",
    logical_type: { type: "LIST" },
  },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", type: "FLOAT", repetition_type: "REQUIRED" },
];

/** The bytes of a Parquet file, row group by row group; the notes are its key-value metadata, under `sit` and `classes`. */
export async function* parquetBytes(
  rows: AsyncIterable<EmbeddingRows>,
  { classes, about }: EmbeddingNotes,
): AsyncGenerator<Uint8Array> {
  const { ByteWriter, ParquetWriter } = await import("hyparquet-writer");
  const writer = new ByteWriter();
  const kvMetadata = [
    { key: "sit", value: JSON.stringify(about) },
    ...(classes ? [{ key: "classes", value: JSON.stringify(classes) }] : []),
  ];
  const parquet = new ParquetWriter({ writer, schema, kvMetadata, createdBy: "sitjs" });
  const taken = () => {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    return bytes;
  };
  let files: string[] = [];
  let splits: string[] = [];
  let labels: (number | null)[] = [];
  let names: (string | null)[] = [];
  let vectors: Float32Array[] = [];
  const flush = () => {
    const columnData = [
      { name: "file", data: files },
      { name: "split", data: splits },
      { name: "label", data: labels },
      { name: "class", data: names },
      { name: "embedding", data: vectors.map((vector) => Array.from(vector)) },
    ];
    parquet.write({ columnData, rowGroupSize: files.length });
    [files, splits, labels, names, vectors] = [[], [], [], [], []];
    return taken();
  };
  for await (const part of rows) {
    part.files.forEach((file, i) => {
      const label = part.labels[i] as number;
      files.push(file);
      splits.push(part.split);
      labels.push(label < 0 ? null : label);
      names.push(label < 0 ? null : (classes?.[label] ?? null));
      vectors.push(part.features.subarray(i * part.size, (i + 1) * part.size));
    });
    if (files.length >= GROUP_ROWS) yield flush();
  }
  if (files.length > 0) yield flush();
  parquet.finish();
  yield taken();
}
