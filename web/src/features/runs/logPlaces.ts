/** Lines as people count them (from 1) and as the server does (from 0), and the way from hit to hit. */

/** "#L123" → 122; anything else → null. */
export function parseLineHash(hash: string): number | null {
  const number = Number(/^#L(\d{1,12})$/.exec(hash)?.[1] ?? Number.NaN);
  return Number.isInteger(number) && number >= 1 ? number - 1 : null;
}

export function formatLineHash(line: number): string {
  return `#L${line + 1}`;
}

/** The hit after (or before) `from`, going round at the ends; null when there is none. */
export function findHit(hits: readonly number[], from: number, direction: 1 | -1): number | null {
  if (direction === 1) return hits.find((line) => line > from) ?? hits[0] ?? null;
  return hits.findLast((line) => line < from) ?? hits.at(-1) ?? null;
}

export function formatHitCount(
  hits: readonly number[] | undefined,
  selected: number | null,
): string {
  if (hits === undefined) return "searching";
  if (hits.length === 0) return "no hits";
  const at = selected === null ? -1 : hits.indexOf(selected);
  const count = hits.length.toLocaleString("en-US");
  if (at >= 0) return `${(at + 1).toLocaleString("en-US")} of ${count}`;
  return hits.length === 1 ? "1 hit" : `${count} hits`;
}
