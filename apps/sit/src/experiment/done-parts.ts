/** The parts of an experiment that are done: they are not done again. */
export interface DoneParts {
  has(part: string): boolean;
  /** What the part has come to, of an earlier run of the command or of `work`; plain data, and arrays of float32. */
  keep<T extends object>(part: string, work: () => Promise<T>): Promise<T>;
}
