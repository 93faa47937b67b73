/**
 * Console text with escape codes → pieces of text with a style.
 *
 * One line is one small terminal row: characters are written into cells at a cursor, so that `\r`, backspace, and the
 * cursor and erase codes of progress bars end as they would on a screen. Codes that need more rows are dropped.
 */

export interface AnsiStyle {
  /** A token name ("red", "bright-blue") or "rgb(r g b)"; null = the colour of the page. */
  foreground: string | null;
  background: string | null;
  isBold: boolean;
  isDim: boolean;
  isItalic: boolean;
  isUnderlined: boolean;
  isStruck: boolean;
  isInverse: boolean;
}

export interface AnsiPiece {
  text: string;
  style: AnsiStyle;
}

export const PLAIN: AnsiStyle = {
  foreground: null,
  background: null,
  isBold: false,
  isDim: false,
  isItalic: false,
  isUnderlined: false,
  isStruck: false,
  isInverse: false,
};

/** Cells of one row; what is written behind them is dropped, so one line can never fill the memory. */
export const COLUMNS_MAX = 20_000;
const TAB_COLUMNS = 8;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
const CUBE = [0, 95, 135, 175, 215, 255] as const;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this looks for
const HAS_CONTROL = /[\u0000-\u001f\u007f\u009b]/;
const TOKENS = new RegExp(
  [
    "\\u001b\\[([0-?]*)[ -/]*([@-~])", // CSI: parameters, final byte
    "\\u001b[\\]PX^_][^\\u0007\\u001b]*(?:\\u0007|\\u001b\\\\)?", // OSC and other strings, as in links
    "\\u001b[ -/]*[0-~]?", // other escapes
    "[\\u0000-\\u001f\\u007f]", // one control character
    "[^\\u0000-\\u001f\\u007f]+", // text
  ].join("|"),
  "gu",
);

/** Pieces of one line; neighbours differ in style. Runs in time linear in the length of the line. */
export function parseAnsiLine(line: string): AnsiPiece[] {
  if (line === "") return [];
  if (!HAS_CONTROL.test(line) && line.length <= COLUMNS_MAX) return [{ text: line, style: PLAIN }];
  const row = new TerminalRow();
  for (const match of line.matchAll(TOKENS)) {
    const [token, parameters, final] = match;
    if (final !== undefined) row.obey(final, parameters ?? "");
    else if (token >= " " && token !== "\u007f") row.write(token);
    else if (!token.startsWith("\u001b")) row.control(token);
  }
  return row.toPieces();
}

/** What the line reads as, without styles. */
export function stripAnsi(line: string): string {
  return parseAnsiLine(line)
    .map((piece) => piece.text)
    .join("");
}

class TerminalRow {
  #cells: string[] = [];
  #styles: AnsiStyle[] = [];
  #column = 0;
  #style = PLAIN;

  write(text: string): void {
    for (const character of text) {
      if (this.#column >= COLUMNS_MAX) return;
      this.#fillTo(this.#column);
      this.#cells[this.#column] = character;
      this.#styles[this.#column] = this.#style;
      this.#column += 1;
    }
  }

  control(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (character === "\t") {
      const next = (Math.floor(this.#column / TAB_COLUMNS) + 1) * TAB_COLUMNS;
      this.write(" ".repeat(next - this.#column));
    }
  }

  obey(final: string, parameters: string): void {
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    if (final === "m") this.#style = applySgr(this.#style, parameters);
    else if (final === "K") this.#erase(Number.parseInt(parameters, 10) || 0);
    else if (final === "J" && parameters === "2") this.#erase(2);
    else if (final === "C") this.#moveTo(this.#column + count);
    else if (final === "D") this.#moveTo(this.#column - count);
    else if (final === "G") this.#moveTo(count - 1);
  }

  toPieces(): AnsiPiece[] {
    const pieces: AnsiPiece[] = [];
    let start = 0;
    for (let at = 1; at <= this.#cells.length; at++) {
      const style = this.#styles[start] as AnsiStyle;
      if (at < this.#cells.length && isSameStyle(this.#styles[at] as AnsiStyle, style)) continue;
      pieces.push({ text: this.#cells.slice(start, at).join(""), style });
      start = at;
    }
    return pieces;
  }

  #moveTo(column: number): void {
    this.#column = Math.min(Math.max(0, column), COLUMNS_MAX);
  }

  #fillTo(column: number): void {
    while (this.#cells.length < column) {
      this.#cells.push(" ");
      this.#styles.push(PLAIN);
    }
  }

  /** 0 from the cursor to the end, 1 from the start to the cursor, 2 the whole row. */
  #erase(part: number): void {
    if (part === 0) {
      this.#cells.length = Math.min(this.#cells.length, this.#column);
      this.#styles.length = this.#cells.length;
      return;
    }
    const end = part === 1 ? Math.min(this.#column + 1, this.#cells.length) : this.#cells.length;
    this.#cells.fill(" ", 0, end);
    this.#styles.fill(PLAIN, 0, end);
  }
}

/** The style after "ESC [ parameters m". Unknown numbers change nothing. */
export function applySgr(style: AnsiStyle, parameters: string): AnsiStyle {
  const next = { ...style };
  const codes = parameters.split(/[;:]/).map((text) => Number.parseInt(text, 10) || 0);
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] as number;
    if (code === 38 || code === 48) {
      const [color, used] = readColor(codes, at + 1);
      if (color !== null) next[code === 38 ? "foreground" : "background"] = color;
      at += used;
    } else {
      applyCode(next, code);
    }
  }
  return isSameStyle(next, PLAIN) ? PLAIN : next;
}

function applyCode(style: AnsiStyle, code: number): void {
  if (code === 0) Object.assign(style, PLAIN);
  else if (code === 1) style.isBold = true;
  else if (code === 2) style.isDim = true;
  else if (code === 3) style.isItalic = true;
  else if (code === 4) style.isUnderlined = true;
  else if (code === 7) style.isInverse = true;
  else if (code === 9) style.isStruck = true;
  else if (code === 22) style.isBold = style.isDim = false;
  else if (code === 23) style.isItalic = false;
  else if (code === 24) style.isUnderlined = false;
  else if (code === 27) style.isInverse = false;
  else if (code === 29) style.isStruck = false;
  else if (code === 39) style.foreground = null;
  else if (code === 49) style.background = null;
  else if (code >= 30 && code <= 37) style.foreground = nameColor(code - 30);
  else if (code >= 40 && code <= 47) style.background = nameColor(code - 40);
  else if (code >= 90 && code <= 97) style.foreground = nameColor(code - 90 + 8);
  else if (code >= 100 && code <= 107) style.background = nameColor(code - 100 + 8);
}

/** After 38 or 48: "5;n" or "2;r;g;b". Returns the colour and how many numbers it took. */
function readColor(codes: readonly number[], at: number): [string | null, number] {
  if (codes[at] === 5) return [indexColor(codes[at + 1] ?? -1), 2];
  if (codes[at] === 2) {
    const channels = [codes[at + 1], codes[at + 2], codes[at + 3]].map((value) =>
      Math.min(255, Math.max(0, value ?? 0)),
    );
    return [`rgb(${channels.join(" ")})`, 4];
  }
  return [null, 0];
}

function indexColor(index: number): string | null {
  if (index < 0 || index > 255) return null;
  if (index < 16) return nameColor(index);
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const cell = index - 16;
  const [r, g, b] = [Math.floor(cell / 36), Math.floor(cell / 6) % 6, cell % 6].map(
    (level) => CUBE[level] as number,
  ) as [number, number, number];
  return `rgb(${r} ${g} ${b})`;
}

function nameColor(index: number): string {
  const name = NAMES[index % 8] as string;
  return index >= 8 ? `bright-${name}` : name;
}

function isSameStyle(a: AnsiStyle, b: AnsiStyle): boolean {
  return (
    a === b ||
    (a.foreground === b.foreground &&
      a.background === b.background &&
      a.isBold === b.isBold &&
      a.isDim === b.isDim &&
      a.isItalic === b.isItalic &&
      a.isUnderlined === b.isUnderlined &&
      a.isStruck === b.isStruck &&
      a.isInverse === b.isInverse)
  );
}
