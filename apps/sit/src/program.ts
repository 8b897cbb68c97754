import { Command } from "commander";
import { addCompare } from "./program/compare.js";
import { addData } from "./program/data.js";
import { addDemo } from "./program/demo.js";
import { addEmbeddings } from "./program/embeddings.js";
import { addEngineCommands } from "./program/engine.js";
import { addEvaluation } from "./program/evaluation.js";
import { addExport } from "./program/export.js";
import { addImport } from "./program/import.js";
import { addMultilabel } from "./program/multilabel.js";
import { addOnnx } from "./program/onnx.js";
import { addPictures } from "./program/pictures.js";
import { addPretrain } from "./program/pretrain.js";
import { addProtocols } from "./program/protocols.js";
import { version } from "./version.js";

/** The command line. Commands load their modules when they run, so that help and errors are quick. */
export function program(): Command {
  const sit = new Command("sit")
    .description(
      "Self-supervised vision transformers: pretrain on images without labels, fine-tune with few.",
    )
    .version(version(), "--version", "print the version")
    .helpCommand(false)
    .showHelpAfterError(false);
  // Subcommands inherit these, so they come first.
  sit.exitOverride().configureOutput({ outputError: (text, write) => write(`sit: ${oneLine(text)}\n`) });
  addEngineCommands(sit);
  addPretrain(sit);
  addEvaluation(sit);
  addMultilabel(sit);
  addProtocols(sit);
  addEmbeddings(sit);
  addOnnx(sit);
  addPictures(sit);
  addImport(sit);
  addExport(sit);
  addDemo(sit);
  addCompare(sit);
  addData(sit);
  return sit;
}

function oneLine(text: string): string {
  return text
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
}
