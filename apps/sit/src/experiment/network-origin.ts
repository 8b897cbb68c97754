/** Where a network is from, for records and reports. */
export interface NetworkOrigin {
  readonly kind: "run" | "folder" | "file" | "repository";
  /** As it was named. */
  readonly name: string;
  /** Of a repository. */
  readonly commit?: string;
  /** Of the file of its weights. */
  readonly sha256: string;
}
