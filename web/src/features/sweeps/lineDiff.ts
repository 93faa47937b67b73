/** What changed between two texts, line by line. */

export interface DiffLine {
  kind: "same" | "added" | "removed";
  text: string;
  /** Counted from 1, in the text that it is of; of `same` in the new one. */
  line: number;
}

/** A longer text is not compared: the table below has a cell for each pair of lines. */
export const LINES_MAX = 3_000;

/** Lines of both texts in order, the fewest changes between them; null for texts that are too long. */
export function diffLines(before: string, after: string): DiffLine[] | null {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let tail = 0;
  while (
    tail < a.length - start &&
    tail < b.length - start &&
    a[a.length - 1 - tail] === b[b.length - 1 - tail]
  ) {
    tail += 1;
  }
  const [oldMiddle, newMiddle] = [a.slice(start, a.length - tail), b.slice(start, b.length - tail)];
  if (oldMiddle.length > LINES_MAX || newMiddle.length > LINES_MAX) return null;
  const same = (from: number, to: number): DiffLine[] =>
    b.slice(from, to).map((text, i) => ({ kind: "same", text, line: from + i + 1 }));
  return [
    ...same(0, start),
    ...diffMiddle(oldMiddle, newMiddle, start),
    ...same(b.length - tail, b.length),
  ];
}

/** By the longest common subsequence. */
function diffMiddle(a: readonly string[], b: readonly string[], offset: number): DiffLine[] {
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        a[i] === b[j]
          ? (lengths[(i + 1) * width + j + 1] as number) + 1
          : Math.max(lengths[(i + 1) * width + j] as number, lengths[i * width + j + 1] as number);
    }
  }
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ kind: "same", text: b[j] as string, line: offset + j + 1 });
      i += 1;
      j += 1;
    } else if (
      i < a.length &&
      (j === b.length ||
        (lengths[(i + 1) * width + j] as number) >= (lengths[i * width + j + 1] as number))
    ) {
      lines.push({ kind: "removed", text: a[i] as string, line: offset + i + 1 });
      i += 1;
    } else {
      lines.push({ kind: "added", text: b[j] as string, line: offset + j + 1 });
      j += 1;
    }
  }
  return lines;
}

/** Only what changed and so many lines around it; null stands for lines left out. */
export function onlyChanges(lines: readonly DiffLine[], around = 2): (DiffLine | null)[] {
  const isNear = lines.map((_, i) =>
    lines.slice(Math.max(0, i - around), i + around + 1).some(({ kind }) => kind !== "same"),
  );
  const shown: (DiffLine | null)[] = [];
  lines.forEach((line, i) => {
    if (isNear[i]) shown.push(line);
    else if (shown.at(-1) !== null) shown.push(null);
  });
  return shown;
}
