export type { EventImage, EventValues } from "./event.js";
export {
  cutEventFiles,
  type EventFile,
  type EventFileOptions,
  isEventFile,
  openEventFile,
} from "./event-file.js";
