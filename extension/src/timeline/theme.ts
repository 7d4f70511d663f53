// Colours: those of the editor's theme inside VS Code, plain light and dark ones in a page of its own.
import type { Mark } from "./model";

export interface Theme {
  background: string;
  text: string;
  faint: string;
  grid: string;
  stripe: string;
  focus: string;
  arrow: string;
  font: string;
  highContrast: boolean;
  marks: Record<Mark, string>;
}

interface Source {
  variable: string;
  light: string;
  dark: string;
}

// No theme colour for outside changes: charts.orange can hardly be seen on the dark theme.
const SOURCES: Record<Mark, Source> = {
  read: { variable: "--vscode-descriptionForeground", light: "#6b7280", dark: "#9aa2ad" },
  write: { variable: "--vscode-charts-blue", light: "#1a6fc4", dark: "#4aa3ff" },
  merged: { variable: "--vscode-charts-green", light: "#2e7d32", dark: "#7bc77f" },
  refused: { variable: "--vscode-charts-red", light: "#c62828", dark: "#ff6b68" },
  outside: { variable: "", light: "#b85c00", dark: "#f0a04b" },
  undone: { variable: "--vscode-charts-purple", light: "#7b3fb3", dark: "#c08cf0" },
  lesson: { variable: "--vscode-charts-yellow", light: "#8a6d00", dark: "#e6c84f" },
  check: { variable: "--vscode-terminal-ansiCyan", light: "#00737d", dark: "#4fc3cf" },
  other: { variable: "--vscode-disabledForeground", light: "#9299a3", dark: "#737b86" },
};

const BASE: Record<"background" | "text" | "faint" | "grid" | "stripe" | "focus", Source> = {
  background: { variable: "--vscode-editor-background", light: "#ffffff", dark: "#16191d" },
  text: { variable: "--vscode-editor-foreground", light: "#1c2024", dark: "#e4e7ea" },
  faint: { variable: "--vscode-descriptionForeground", light: "#5f6873", dark: "#98a1ab" },
  grid: { variable: "--vscode-editorIndentGuide-background1", light: "#dfe3e8", dark: "#2b3138" },
  stripe: { variable: "--vscode-list-hoverBackground", light: "#f4f6f8", dark: "#1d2126" },
  focus: { variable: "--vscode-focusBorder", light: "#1a6fc4", dark: "#4aa3ff" },
};

/** The colours that hold now; asked again whenever the theme changes. */
export function currentTheme(): Theme {
  const style = getComputedStyle(document.body);
  const dark = isDark();
  const pick = (source: Source): string => (source.variable ? style.getPropertyValue(source.variable).trim() : "") || (dark ? source.dark : source.light);
  const contrast = document.body.classList.contains("vscode-high-contrast") || document.body.classList.contains("vscode-high-contrast-light");
  const border = style.getPropertyValue("--vscode-contrastBorder").trim();
  const text = pick(BASE.text);
  const marks = Object.fromEntries(Object.entries(SOURCES).map(([mark, source]) => [mark, pick(source)])) as Record<Mark, string>;
  return {
    background: pick(BASE.background), text, faint: contrast ? text : pick(BASE.faint), grid: contrast && border ? border : pick(BASE.grid),
    stripe: contrast ? "transparent" : pick(BASE.stripe), focus: pick(BASE.focus), arrow: marks.refused,
    font: style.getPropertyValue("--vscode-font-family").trim() || "system-ui, sans-serif", highContrast: contrast,
    marks,
  };
}

function isDark(): boolean {
  const { classList, dataset } = document.body;
  if (dataset["theme"]) return dataset["theme"] === "dark";
  if (classList.contains("vscode-light") || classList.contains("vscode-high-contrast-light")) return false;
  if (classList.contains("vscode-dark") || classList.contains("vscode-high-contrast")) return true;
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Calls back when the editor's theme, or the system's, changes. */
export function onThemeChange(changed: () => void): void {
  new MutationObserver(changed).observe(document.body, { attributes: true, attributeFilter: ["class", "data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
}
