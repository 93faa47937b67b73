/**
 * Which colour and dash a run has.
 *
 * The slot is hashed from the run's id, so a run has the same colour in every tab, and moved off clashes among the
 * runs on screen. Colour alone is trusted for twelve runs; the 13th and later also differ by dash.
 */

export type Scheme = "light" | "dark";

/**
 * Run colours, most distinguishable first (farthest-point in OKLab under normal vision and full protanopia,
 * deuteranopia and tritanopia). They live here and not in tokens.css because canvas and slot arithmetic need numbers.
 */
export const PALETTE: Readonly<Record<Scheme, readonly string[]>> = {
  light: (
    "#436cc8 #f95801 #860e2b #5e1c94 #ae88a3 #cd175a #927efc #0232d0 #8e5e8c #924b00 #2ea55c #466a50 " +
    "#763168 #9553ff #5f4792 #7080ba #bf5914 #b06c81 #5943ec #c46bd9 #783bb1 #e26d58 #dc26a6 #3d21b3 " +
    "#623a46 #760577 #819808 #d37487 #89437a #ae42c5 #5f6ea6 #9a282b #af3c3c #2f91e2 #a8506f #9a189a"
  ).split(" "),
  dark: (
    "#719eff #fed917 #d32704 #1df9f4 #de9687 #9a53aa #4b59fe #9ba003 #f660c1 #b7dfa4 #c26578 #63cbfe " +
    "#deb95c #bd3a7f #6698aa #92cbc2 #7a764d #735cd6 #f41752 #8d78f5 #a2f577 #cea2d8 #bec296 #d87974 " +
    "#b28ede #b45bc8 #fba3f8 #956b9f #bbae1c #67bea9 #8ee5cf #bf9b5e #e377fb #27ec7f #db551d #cbd217"
  ).split(" "),
};

/** Slots told apart by colour alone; each further round of slots has the next dash. */
export const SOLID_SLOTS = 12;
const SLOT_COUNT = 36;
const DASHES: readonly (readonly number[])[] = [[], [6, 3], [2, 2]];

export interface RunStyle {
  color: string;
  /** Canvas line dash in CSS pixels; empty = solid. */
  dash: readonly number[];
}

/** FNV-1a over UTF-16 units: stable between browsers and sessions. */
export function hashRun(run: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < run.length; i++) {
    hash ^= run.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return hash >>> 0;
}

/**
 * Slots for the visible runs, without clashes up to 36 runs.
 *
 * @param previous slots of the last call. Runs that keep being visible keep their slot, so hiding one run never
 *   recolours another.
 */
export function assignSlots(
  visible: readonly string[],
  previous: ReadonlyMap<string, number> = new Map(),
): Map<string, number> {
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const run of visible) {
    const slot = previous.get(run);
    if (slot === undefined || taken.has(slot)) continue;
    slots.set(run, slot);
    taken.add(slot);
  }
  for (const run of visible) {
    if (slots.has(run)) continue;
    const slot = findFreeSlot(hashRun(run), taken);
    slots.set(run, slot);
    taken.add(slot);
  }
  return slots;
}

/** The slot a run has when nothing else is on screen. */
export function getOwnSlot(run: string): number {
  return hashRun(run) % SOLID_SLOTS;
}

export function getSlotStyle(slot: number, scheme: Scheme): RunStyle {
  const colors = PALETTE[scheme];
  const round = Math.floor(slot / SOLID_SLOTS) % DASHES.length;
  return {
    color: colors[slot % colors.length] as string,
    dash: DASHES[round] as readonly number[],
  };
}

/** Remembers slots between renders. A colour chosen by hand or in code always wins and takes no slot. */
export class ColorBook {
  #slots = new Map<string, number>();

  assign(
    runs: readonly { name: string; color?: string | null }[],
    scheme: Scheme,
  ): Map<string, RunStyle> {
    const hashed = runs.filter((run) => !isColor(run.color));
    this.#slots = assignSlots(
      hashed.map((run) => run.name),
      this.#slots,
    );
    return new Map(
      runs.map(({ name, color }) => [
        name,
        isColor(color)
          ? { color, dash: [] }
          : getSlotStyle(this.#slots.get(name) ?? getOwnSlot(name), scheme),
      ]),
    );
  }
}

/** WCAG 2 contrast ratio of two #rrggbb colours, 1…21. */
export function getContrast(a: string, b: string): number {
  const [dim, bright] = [getLuminance(a), getLuminance(b)].sort((p, q) => p - q) as [
    number,
    number,
  ];
  return (bright + 0.05) / (dim + 0.05);
}

function getLuminance(color: string): number {
  const channels = [1, 3, 5].map((at) => {
    const c = Number.parseInt(color.slice(at, at + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
}

function findFreeSlot(hash: number, taken: ReadonlySet<number>): number {
  for (let round = 0; round < SLOT_COUNT / SOLID_SLOTS; round++) {
    for (let probe = 0; probe < SOLID_SLOTS; probe++) {
      const slot = round * SOLID_SLOTS + ((hash + probe) % SOLID_SLOTS);
      if (!taken.has(slot)) return slot;
    }
  }
  return hash % SLOT_COUNT;
}

function isColor(color: string | null | undefined): color is string {
  return typeof color === "string" && /^#[0-9a-f]{6}$/i.test(color);
}
