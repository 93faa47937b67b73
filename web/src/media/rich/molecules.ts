/** Which molecules can be drawn, and what of their content decides how. */

/**
 * What 3Dmol calls the format of a file; null for others.
 * wandb 0.31.0 sdk/data_types/molecule.py lists the endings that are logged.
 */
export function moleculeFormatOf(path: string): string | null {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  const formats: Record<string, string> = {
    pdb: "pdb",
    pqr: "pqr",
    cif: "cif",
    mcif: "cif",
    mmcif: "cif",
    sdf: "sdf",
    sd: "sdf",
    mol: "sdf",
    mol2: "mol2",
    gro: "gro",
    mmtf: "mmtf",
    xyz: "xyz",
  };
  return formats[ending] ?? null;
}

export interface Atom {
  x?: number;
  y?: number;
  z?: number;
  elem?: string;
  atom?: string;
  hetflag?: boolean;
}

export type MoleculeLook = "cartoon" | "sticks" | "spheres";

/** Chains of amino acids are known by their alpha carbons. */
export function isPolymer(atoms: readonly Atom[]): boolean {
  return atoms.filter(({ atom, hetflag }) => atom === "CA" && hetflag !== true).length >= 4;
}

/** Whether a molecule is longest towards the eye, which then sees its end only. */
export function isSeenFromItsEnd(atoms: readonly Atom[]): boolean {
  const lengthOf = (axis: "x" | "y" | "z") => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const atom of atoms) {
      low = Math.min(low, atom[axis] ?? 0);
      high = Math.max(high, atom[axis] ?? 0);
    }
    return high - low;
  };
  return lengthOf("z") > Math.max(lengthOf("x"), lengthOf("y"));
}

/** "24 atoms: C 9, H 8, O 4, N 3" */
export function describeAtoms(atoms: readonly Atom[]): string {
  const counts = new Map<string, number>();
  for (const { elem } of atoms) {
    if (elem) counts.set(elem, (counts.get(elem) ?? 0) + 1);
  }
  const listed = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 6);
  const number = atoms.length.toLocaleString("en-US");
  const elements = listed.map(([elem, count]) => `${elem} ${count.toLocaleString("en-US")}`);
  return `${number} ${atoms.length === 1 ? "atom" : "atoms"}: ${elements.join(", ")}`;
}
