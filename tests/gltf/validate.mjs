// Prints, for each GLB named, what the Khronos validator found, as one JSON line.
import { readFileSync } from "node:fs";
import { validateBytes } from "gltf-validator";

for (const name of process.argv.slice(2)) {
  const report = await validateBytes(new Uint8Array(readFileSync(name)), { maxIssues: 200 });
  const serious = report.issues.messages.filter((message) => message.severity < 2);
  console.log(JSON.stringify({ errors: report.issues.numErrors, serious, info: report.info }));
}
