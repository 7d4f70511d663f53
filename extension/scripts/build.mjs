// Builds the extension (out/extension.js) and the timeline's drawing code, which the Python package carries as one static file.
// --check-timeline: build nothing, only say whether the committed timeline.js is the one that these sources make.
import { build } from "esbuild";
import { readFile, writeFile, stat } from "node:fs/promises";
import path from "node:path";

const here = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "..");
const timelineAsset = path.join(here, "../server/noclobber_server/timeline/timeline.js");
const notice = `/* The noclobber timeline (Apache-2.0). Contains parts of d3 (d3-array, d3-color, d3-dispatch, d3-drag, d3-ease, d3-format,
d3-interpolate, d3-scale, d3-selection, d3-time, d3-time-format, d3-timer, d3-transition, d3-zoom, internmap), Copyright 2010-2023
Mike Bostock. Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby
granted, provided that the above copyright notice and this permission notice appear in all copies. THE SOFTWARE IS PROVIDED "AS IS" AND
THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS.
IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER
RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE. */`;

async function timeline() {
  const result = await build({
    entryPoints: [path.join(here, "src/timeline/main.ts")],
    bundle: true, minify: true, format: "iife", target: "es2020", platform: "browser",
    legalComments: "none", charset: "ascii", banner: { js: notice }, write: false, absWorkingDir: here,
  });
  return result.outputFiles[0].text;
}

async function extension() {
  await build({
    entryPoints: [path.join(here, "src/extension.ts"), path.join(here, "src/client.ts")],
    bundle: true, minify: true, format: "cjs", target: "node18", platform: "node",
    external: ["vscode", "./client.js"], legalComments: "linked", outdir: path.join(here, "out"), absWorkingDir: here,
  });
  return (await stat(path.join(here, "out/extension.js"))).size;
}

const script = await timeline();
if (process.argv.includes("--check-timeline")) {
  const committed = await readFile(timelineAsset, "utf8").catch(() => "");
  if (committed !== script) {
    console.error("server/noclobber_server/timeline/timeline.js is not what src/timeline makes: run npm run build and commit it");
    process.exit(1);
  }
} else {
  await writeFile(timelineAsset, script);
  console.log(`timeline.js ${(script.length / 1024).toFixed(0)} kB, extension.js ${((await extension()) / 1024).toFixed(0)} kB`);
}
