// Steps that assert, time themselves, and leave a picture when they fail.
import assert from "node:assert/strict";

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something holds; its last error is part of the message when it never does. Answers what it found. */
export async function until(what, look, ms = 10_000, every = 40) {
  const start = Date.now();
  let last;
  while (Date.now() - start < ms) {
    try {
      const found = await look();
      if (found) return found;
    } catch (error) { last = error; }
    await sleep(every);
  }
  throw new Error(`not within ${ms} ms: ${what}${last ? ` (${last.message})` : ""}`);
}

/** Asserts that something stays true for a while. */
export async function stays(what, look, ms) {
  const start = Date.now();
  while (Date.now() - start < ms) {
    assert.ok(await look(), `${what}: no longer true after ${Date.now() - start} ms`);
    await sleep(25);
  }
}

export class Steps {
  constructor() { this.failed = []; this.passed = 0; this.figures = {}; }

  async step(name, run, window) {
    const start = Date.now();
    try {
      const note = await run();
      this.passed += 1;
      console.log(`ok   ${String(Date.now() - start).padStart(6)} ms  ${name}${note === undefined ? "" : `: ${typeof note === "string" ? note : JSON.stringify(note)}`}`);
    } catch (error) {
      this.failed.push(name);
      console.log(`FAIL ${String(Date.now() - start).padStart(6)} ms  ${name}\n     ${error.stack.split("\n").slice(0, 6).join("\n     ")}`);
      await window?.shot(`failed-${name.replace(/\W+/g, "-").slice(0, 60)}`).catch(() => undefined);
      throw error;
    }
  }
}
