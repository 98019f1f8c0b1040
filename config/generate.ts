import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { generatedFiles, renderJsonSchema, renderPage, renderProject } from "./pages.ts";

const root = join(__dirname, "..");
const project = join(root, generatedFiles.project);
const pages: readonly (readonly [string, string])[] = [
  [project, renderProject(readFileSync(project, "utf8"))],
  [join(root, generatedFiles.schema), renderJsonSchema()],
  [join(root, generatedFiles.page), renderPage()],
];
for (const [file, text] of pages) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
