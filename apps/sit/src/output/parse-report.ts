import { SitError } from "@sitjs/core/errors";
import { checkReportData, type ReportData } from "@sitjs/eval/report";

/**
 * A report's data of the text of `report.json`, every field checked.
 * @param source what to call the file in errors
 * @throws SitError "bad-file"
 */
export function parseReport(text: string, source: string): ReportData {
  let data: unknown;
  try {
    data = JSON.parse(text, bytesOfBase64);
  } catch (cause) {
    throw new SitError("bad-file", `${source}: expected JSON, got something else`, { cause });
  }
  try {
    checkReportData(data as ReportData);
  } catch (cause) {
    if (!SitError.isInstance(cause)) throw cause;
    throw new SitError("bad-file", `${source}: ${cause.message}`, { cause });
  }
  return data as ReportData;
}

/** Byte arrays are in the file as `{ base64 }`. */
function bytesOfBase64(_key: string, value: unknown): unknown {
  const encoded =
    typeof value === "object" && value !== null && "base64" in value && typeof value.base64 === "string";
  return encoded ? new Uint8Array(Buffer.from(value.base64 as string, "base64")) : value;
}
