// usage: run.mjs [SCENARIO...]: the scenarios (files beginning with a digit), all or those whose names hold a word given, in one workbench.
import fs from "node:fs";
import path from "node:path";
import { Steps } from "./lib/steps.mjs";
import { Workbench } from "./lib/workbench.mjs";

const here = import.meta.dirname;
const artefacts = path.join(here, "../artefacts/vscode");
const wanted = process.argv.slice(2);
const scenarios = fs.readdirSync(here).filter((name) => /^\d.*\.mjs$/.test(name)).sort().filter((name) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
fs.mkdirSync(artefacts, { recursive: true });

let failed = scenarios.length === 0;
for (const name of scenarios) {
  console.log(`-- ${name}`);
  const bench = new Workbench(artefacts);
  const steps = new Steps();
  const start = Date.now();
  try {
    const scenario = await import(path.join(here, name));
    await bench.start(scenario.settings, scenario);
    await scenario.run({ bench, step: (...given) => steps.step(...given), artefacts });
  } catch (error) {
    failed = true;
    if (steps.failed.length === 0) console.log(`FAIL ${name}: ${error.stack}`);
  } finally {
    await bench.stop();
  }
  console.log(`-- ${name}: ${steps.passed} passed, ${steps.failed.length} failed, ${((Date.now() - start) / 1000).toFixed(0)} s`);
}
process.exit(failed ? 1 : 0);
