/** So many files are looked at at a time. */
const LANES = 16;

/** The results of `work` for 0 to `count` - 1 in their order, several made at a time. */
export async function inLanes<T>(count: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results = new Array<T>(count);
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < count; i = next++) results[i] = await work(i);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return results;
}
