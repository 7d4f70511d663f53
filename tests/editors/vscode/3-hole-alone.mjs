// What VS Code alone does, without the extension: a write of the same byte length is lost at the next save. The other half is in 2-buffers.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { sleep, until } from "./lib/steps.mjs";

export const bare = true;

export async function run({ bench, step }) {
  const root = bench.workspace("alone", { "hole.py": "a = 1\nb = 2\nc = 3\n" });
  const file = path.join(root, "hole.py");
  const window = await bench.open(root);

  await step("VS Code alone: the agent's text of the same length is lost without a word", async () => {
    await window.openFile("hole.py");
    await window.typeAt(1, "  # mine");
    await until("unsaved", () => window.dirty("hole.py"));
    fs.writeFileSync(file, "a = 1\nb = 2\nc = 8\n");
    await sleep(1000);
    await window.save();
    await until("saved", async () => !(await window.dirty("hole.py")));
    assert.equal(fs.readFileSync(file, "utf8"), "a = 1  # mine\nb = 2\nc = 3\n");
    assert.deepEqual(await window.toasts(), []);
    await window.shot("hole-vscode-alone");
  }, window);

  await window.page.context().close();
}
