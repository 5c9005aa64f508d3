// Parses the Mermaid diagrams in the files named, with the real parser, and says what is wrong with each that is not one.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.UFFDSIM_NODE + "/package.json");
const { JSDOM } = require("jsdom");
const dom = new JSDOM("");
globalThis.window = dom.window;
globalThis.document = dom.window.document;
const { default: mermaid } = await import(pathToFileURL(require.resolve("mermaid/dist/mermaid.core.mjs")));

let bad = 0;
for (const file of process.argv.slice(2)) {
  try {
    const found = await mermaid.parse(readFileSync(file, "utf8"));
    if (found.diagramType !== "sequence") throw new Error("it is a " + found.diagramType);
  } catch (e) {
    bad++;
    console.log(`${file}: ${e.message}`);
  }
}
process.exit(bad ? 1 : 0);
