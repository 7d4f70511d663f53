// A short working day of two agents and a person, for the pictures of the documentation. PICTURES=1 puts them into docs/pictures.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { ROOT } from "./lib/workbench.mjs";
import { sleep, until } from "./lib/steps.mjs";

const CART = `"""What a customer is about to buy."""

from decimal import Decimal

from .price import price_of


class Cart:
    """Articles and how many of each."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}

    def add(self, article: str, count: int = 1) -> None:
        self.lines[article] = self.lines.get(article, 0) + count

    def total(self) -> Decimal:
        return sum(price_of(article) * count for article, count in self.lines.items())
`;
const PRICE = `"""What things cost."""

from decimal import Decimal

PRICES = {"apple": Decimal("0.40"), "bread": Decimal("2.10")}


def price_of(article: str) -> Decimal:
    return PRICES[article]
`;
const STOCK = `"""What is left."""

STOCK = {"apple": 120, "bread": 14}


def left(article: str) -> int:
    return STOCK[article]
`;

export const settings = { "editor.fontSize": 13, "workbench.colorTheme": "Default Dark Modern" };

export async function run({ bench, step, artefacts }) {
  const root = bench.workspace("shop", { "shop/cart.py": CART, "shop/price.py": PRICE, "shop/stock.py": STOCK });
  const window = await bench.open(root, { width: 1180, height: 660 });
  const claude = bench.agent(root, "claude/7f2a"), codex = bench.agent(root, "codex/19");
  const at = { claude: { turn: "turn-4", intent: "SHOP-12" }, codex: { turn: "019b", intent: "SHOP-20" } };
  const taken = [];
  const picture = async (name) => {
    await window.shot(`picture-${name}`);
    taken.push(name);
  };

  await step("a working day", async () => {
    for (const file of ["cart", "price", "stock"]) await claude.read(`shop/${file}.py`, at.claude);
    await sleep(900);
    await claude.edit("shop/price.py", "    return PRICES[article]\n", "    if article not in PRICES:\n        raise KeyError(f\"no price for {article}\")\n    return PRICES[article]\n", at.claude);
    await codex.read("shop/stock.py", at.codex);
    await codex.read("shop/price.py", at.codex);
    await sleep(1300);
    await codex.edit("shop/stock.py", "    return STOCK[article]\n", "    return STOCK.get(article, 0)\n", at.codex);
    await sleep(700);
    const refused = await claude.write("shop/stock.py", STOCK.replace("14", "12"), at.claude);
    assert.equal(refused.refused?.type, "STALE_FILE");
    await sleep(800);
    await claude.read("shop/stock.py", at.claude);
    await claude.edit("shop/stock.py", "14", "12", at.claude);
    await window.openFile("shop/cart.py");
    await window.typeAt(15, "  # ours");
    await until("unsaved", () => window.dirty("cart.py"));
    await sleep(1000);
    await claude.edit("shop/cart.py", "return sum(price_of(article) * count for article, count in self.lines.items())", "return sum((price_of(article) * count for article, count in self.lines.items()), Decimal(0))", at.claude);
    await codex.edit("shop/price.py", "Decimal(\"2.10\")", "Decimal(\"2.30\")", at.codex);
    await window.panel();
    await window.seesRow("Since You Last Looked", /stock\.py.*refused: stale/);
    await until("the warning", async () => (await window.squiggles("warning")) > 0);
    await window.goTo(18, 20);
    await window.command("Show or Focus Hover");
    await until("the hover", async () => /claude\/7f2a/.test((await window.page.locator(".monaco-hover").first().innerText()).replaceAll("\u00a0", " ")));
    await picture("panel");
    await window.key("Escape");
    await window.command("noclobber: Open Timeline");
    await until("the lanes", async () => ((await window.timeline().locator("main canvas").getAttribute("data-lanes")) ?? "").includes("codex/19"));
    await window.timeline().locator("main canvas").focus();
    for (let i = 0; i < 8 && !/refused/.test(await window.timeline().locator(".spoken").innerText()); i++) await window.timeline().locator("main canvas").press("ArrowRight");
    await picture("timeline");
  }, window);

  if (process.env.PICTURES) {
    const target = path.join(ROOT, "docs/pictures");
    fs.mkdirSync(target, { recursive: true });
    for (const name of taken) fs.copyFileSync(path.join(artefacts, `picture-${name}.png`), path.join(target, `${name}.png`));
  }
  await window.page.context().close();
}
