/** The chosen theme: kept in this browser, put on <html data-theme>; "system" leaves the choice to the OS. */

import { useSyncExternalStore } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const STORAGE_KEY = "steelyard.theme";
const listeners = new Set<() => void>();
const systemDark =
  typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : null;

systemDark?.addEventListener("change", tellListeners);

export function readThemeChoice(): ThemeChoice {
  const stored = readStored();
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function chooseTheme(choice: ThemeChoice): void {
  try {
    if (choice === "system") localStorage.removeItem(STORAGE_KEY);
    else localStorage.setItem(STORAGE_KEY, choice);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
  applyTheme(choice);
}

export function applyTheme(choice: ThemeChoice): void {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  tellListeners();
}

/** The scheme on screen now, for what draws with numbers instead of CSS. */
export function useScheme(): "light" | "dark" {
  return useSyncExternalStore(subscribe, readScheme);
}

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore(subscribe, readThemeOnPage);
}

function readScheme(): "light" | "dark" {
  const choice = readThemeOnPage();
  if (choice !== "system") return choice;
  return systemDark?.matches ? "dark" : "light";
}

function readThemeOnPage(): ThemeChoice {
  const theme = document.documentElement.dataset.theme;
  return theme === "light" || theme === "dark" ? theme : "system";
}

function readStored(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tellListeners(): void {
  for (const listener of listeners) listener();
}
