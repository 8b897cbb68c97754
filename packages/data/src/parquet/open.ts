import type { Table } from "./table.js";

/**
 * Opens a Parquet file and reads what it says of itself; its pages are checked before they are unpacked.
 * @throws SitError "missing-file" or "bad-file", naming the file
 */
export async function openParquet(path: string): Promise<Table> {
  // Only now: it loads libraries that nothing else needs.
  const { openTable } = await import("./table.js");
  return await openTable(path);
}
