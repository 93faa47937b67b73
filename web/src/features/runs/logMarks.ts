/** Cuts styled pieces of a line where search hits begin and end. */

import { type AnsiPiece, parseAnsiLine } from "../../core/ansi";

export interface LogPiece extends AnsiPiece {
  isHit: boolean;
}

const HITS_PER_LINE_MAX = 200;

/** The pattern as a browser regex; null when it is empty or written for the server's regex language only. */
export function compileFind(find: string): RegExp | null {
  if (find === "") return null;
  try {
    return new RegExp(find, "gu");
  } catch {
    return null;
  }
}

export function markLine(text: string, find: RegExp | null): LogPiece[] {
  const pieces = parseAnsiLine(text);
  if (find === null) return pieces.map((piece) => ({ ...piece, isHit: false }));
  const plain = pieces.map((piece) => piece.text).join("");
  const edges: [number, number][] = [];
  for (const match of plain.matchAll(find)) {
    if (match[0] === "") continue;
    edges.push([match.index, match.index + match[0].length]);
    if (edges.length === HITS_PER_LINE_MAX) break;
  }
  return cutPieces(pieces, edges);
}

function cutPieces(pieces: readonly AnsiPiece[], hits: readonly [number, number][]): LogPiece[] {
  const cut: LogPiece[] = [];
  let start = 0;
  let hit = 0;
  for (const { text, style } of pieces) {
    let at = 0;
    while (at < text.length) {
      while (hit < hits.length && (hits[hit]?.[1] ?? 0) <= start + at) hit += 1;
      const [from, to] = hits[hit] ?? [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      const isHit = start + at >= from;
      const end = Math.min(text.length, (isHit ? to : from) - start);
      cut.push({ text: text.slice(at, end), style, isHit });
      at = end;
    }
    start += text.length;
  }
  return cut;
}
