// What a person does in a VS Code window, and what she sees.
import path from "node:path";
import { sleep, until } from "./steps.mjs";

export class Window {
  constructor(page, artefacts) {
    this.page = page;
    this.artefacts = artefacts;
  }

  /** The folder is shown and the extension's language server runs. */
  async ready(bare = false) {
    await this.page.locator(".explorer-folders-view, .pane-header").first().waitFor({ timeout: 60_000 });
    if (!bare) await this.status(/guarding|observing|paused/, 45_000);
  }

  async shot(name) {
    await sleep(350);
    await this.page.screenshot({ path: path.join(this.artefacts, `${name}.png`) });
  }

  key(...keys) { return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve()); }

  async type(text) { await this.page.keyboard.type(text, { delay: 4 }); }

  // -- commands

  /** Opens the box at the top by a key; pressed again where the workbench was busy moving the focus and did not take it. */
  async #quickInput(key) {
    const input = this.page.locator(".quick-input-widget input.input");
    await until(`${key} opens the box`, async () => {
      await this.key(key);
      return input.waitFor({ state: "visible", timeout: 3000 }).then(() => true, () => false);
    }, 20_000);
  }

  /** Opens the palette with these words; answers the labels it offers. */
  async palette(words) {
    await this.#quickInput("F1");
    await this.type(words);
    await sleep(150);
    return this.picks();
  }

  /** Runs a command by its full title. */
  async command(title) {
    await this.palette(title);
    await this.row(title).waitFor({ state: "visible" });
    await this.key("Enter");
  }

  async offers(title) {
    const offered = await this.palette(title);
    await this.key("Escape");
    return offered.some((label) => label.includes(title));
  }

  row(text) { return this.page.locator(".quick-input-widget .monaco-list-row").filter({ hasText: text }).first(); }

  picks() { return this.page.locator(".quick-input-widget .monaco-list-row").allInnerTexts(); }

  async pick(text) {
    await this.row(text).waitFor({ state: "visible" });
    await this.row(text).click();
  }

  /** Answers an input box whose title or prompt holds these words; without a text takes what stands there. */
  async answer(words, text) {
    const box = this.page.locator(".quick-input-widget").filter({ hasText: words });
    await box.waitFor({ state: "visible" });
    const input = box.locator("input.input");
    const before = await input.inputValue();
    if (text !== undefined) await input.fill(text);
    await sleep(80);
    await this.key("Enter");
    return before;
  }

  async dialog(button) {
    const found = this.page.locator(".monaco-dialog-box");
    await found.waitFor();
    const text = await found.innerText();
    await found.locator(".monaco-button, .monaco-text-button").filter({ hasText: button }).first().click();
    await found.waitFor({ state: "detached" });
    return text;
  }

  // -- files

  async openFile(name) {
    await this.#quickInput("Control+P");
    await this.type(name);
    const row = this.page.locator(".quick-input-widget .monaco-list-row", { has: this.page.locator(".label-name", { hasText: path.posix.basename(name) }) }).first();
    await row.click();
    await this.tab(name).first().waitFor();
    await until(`${name} is shown`, async () => (await this.page.locator(".tab.active").getAttribute("data-resource-name")) === path.posix.basename(name));
    await this.page.locator(".editor-instance .view-line").first().waitFor();
  }

  /** Closes the active diff; what was shown before it is shown again. */
  async closeDiff() {
    await this.page.locator(".tab.active .tab-actions .action-label").first().click();
    await this.page.locator(".monaco-diff-editor").waitFor({ state: "hidden" });
    await this.focusEditor();
  }

  tab(name) { return this.page.locator(`.tab[data-resource-name="${path.posix.basename(name)}"]`); }

  async dirty(name) { return ((await this.tab(name).first().getAttribute("class")) ?? "").includes("dirty"); }

  /** The text that is visible in the active editor. */
  async text() {
    return (await this.page.locator(".editor-instance .view-lines .view-line").evaluateAll((lines) => lines
      .map((line) => [parseFloat(line.style.top), line.textContent.replaceAll("\u00a0", " ")]).sort((a, b) => a[0] - b[0]).map((line) => line[1]))).join("\n");
  }

  async shows(text, ms = 10_000) { await until(`the editor shows ${JSON.stringify(text)}`, async () => (await this.text()).includes(text), ms); }

  async focusEditor() { await this.page.locator(".editor-instance .view-lines").first().click({ position: { x: 60, y: 8 } }); }

  async goTo(line, column = 1) {
    await this.#quickInput("Control+G");
    await this.type(`${line}:${column}`);
    await this.key("Enter");
    await this.page.locator(".quick-input-widget").waitFor({ state: "hidden" });
  }

  /** Types at the end of a line. */
  async typeAt(line, text) {
    await this.goTo(line);
    await this.key("End");
    await this.type(text);
  }

  async save() { await this.key("Control+S"); }

  squiggles(kind) { return this.page.locator(`.editor-instance .squiggly-${kind}`).count(); }

  async quickFix(title, line, column = 1) {
    if (line) await this.goTo(line, column);
    const row = this.page.locator(".action-widget .monaco-list-row").filter({ hasText: title }).first();
    await until(`the quick fix ${title}`, async () => {
      await this.key("Control+.");
      return row.waitFor({ timeout: 2500 }).then(() => true, () => false);
    }, 15_000);
    await row.click();
  }

  /** The rows of the Problems view. */
  async problems() {
    await this.command("Problems: Focus on Problems View");
    await sleep(300);
    return this.page.locator(".markers-panel .monaco-list-row, .markers-panel-container .monaco-list-row").allInnerTexts();
  }

  // -- notices

  toasts() { return this.page.locator(".notification-toast").allInnerTexts(); }

  async toast(text, button) {
    const found = this.page.locator(".notification-toast").filter({ hasText: text }).first();
    await found.waitFor();
    const words = await found.innerText();
    if (button) await found.locator(".monaco-button", { hasText: button }).first().click();
    return words;
  }

  async clearToasts() {
    await this.command("Notifications: Clear All Notifications");
    await until("no notification is left", async () => (await this.toasts()).length === 0);
  }

  /** The text of our status bar item, once it says this. */
  async status(words, ms = 10_000) {
    const item = this.page.locator(".statusbar-item[id*='noclobber.status']");
    return until(`the status bar says ${words}`, async () => {
      const label = (await item.first().getAttribute("aria-label")) ?? "";
      const text = await item.first().innerText();
      return words.test(`${text} ${label}`) ? `${text.trim()} (${label})` : undefined;
    }, ms);
  }

  /** Waits until the words that our status bar item shows when it is pointed at match; `picture`: the name of one of them. */
  async says(words, picture) {
    const hover = this.page.locator(".workbench-hover");
    await until(`the status bar's menu says ${words}`, async () => {
      await this.page.mouse.move(640, 300);
      await this.page.locator(".statusbar-item[id*='noclobber.status']").first().hover();
      await hover.first().waitFor({ timeout: 2500 });
      return words.test((await hover.allInnerTexts()).join("\n").replaceAll("\u00a0", " "));
    }, 15_000);
    if (picture) await this.shot(picture);
    await this.page.mouse.move(640, 300);
  }

  // -- the panel

  async panel() {
    if (await this.page.locator(".pane-header", { hasText: "Since You Last Looked" }).count()) return;
    await this.command("noclobber: Open Agent Panel");
    await this.page.locator(".pane-header", { hasText: "Since You Last Looked" }).waitFor();
  }

  async explorer() { await this.command("View: Show Explorer"); }

  pane(title) { return this.page.locator(".pane").filter({ has: this.page.locator(".pane-header", { hasText: title }) }); }

  node(title, text) { return this.pane(title).locator(".monaco-list-row").filter({ hasText: text }).first(); }

  async rows(title) { return (await this.pane(title).locator(".monaco-list-row").allInnerTexts()).map((row) => row.replace(/\s+/g, " ").trim()); }

  async seesRow(title, words, ms = 10_000) {
    return until(`${title} shows ${words}`, async () => {
      const rows = await this.rows(title);
      const found = rows.find((row) => words.test(row));
      if (!found) throw new Error(rows.join(" | ") || "nothing");
      return found;
    }, ms);
  }

  /** Presses a button that stands in a row. */
  async inline(title, text, button) {
    const row = this.node(title, text);
    await row.hover();
    await row.locator(`.action-label[aria-label^="${button}"]`).first().click();
  }

  /** Takes an action from a row's context menu. VS Code takes no click on a menu that has only just opened. */
  async fromMenu(row, action) {
    await row.click({ button: "right" });
    const item = this.page.locator(".context-view .action-label, .monaco-menu .action-label").filter({ hasText: action }).first();
    await item.waitFor();
    await until(`${action} is taken from the menu`, async () => {
      await item.hover();
      await sleep(400);
      await item.click();
      return item.waitFor({ state: "hidden", timeout: 1500 }).then(() => true, () => false);
    });
  }

  timeline() { return this.page.frameLocator("iframe.webview.ready").frameLocator("iframe#active-frame"); }
}
