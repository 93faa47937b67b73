// @vitest-environment node
import { describe, expect, it } from "vitest";
import {
  assignSlots,
  ColorBook,
  getContrast,
  getOwnSlot,
  getSlotStyle,
  PALETTE,
  SOLID_SLOTS,
} from "./color";

const SURFACES = { light: ["#ffffff", "#f7f8fa"], dark: ["#0f1216", "#161a20"] } as const;

const names = (count: number) => Array.from({ length: count }, (_, i) => `run-${i}`);

describe("the palette", () => {
  it.each(["light", "dark"] as const)(
    "keeps a contrast of 3:1 on the %s chart surface",
    (scheme) => {
      const [chart] = SURFACES[scheme];
      for (const color of PALETTE[scheme]) {
        expect(getContrast(color, chart), `${color} on ${chart}`).toBeGreaterThanOrEqual(3);
      }
    },
  );

  it("has 36 different colours in each scheme", () => {
    expect(new Set(PALETTE.light).size).toBe(36);
    expect(new Set(PALETTE.dark).size).toBe(36);
  });

  it("measures contrast as WCAG does", () => {
    expect(getContrast("#000000", "#ffffff")).toBeCloseTo(21, 5);
    expect(getContrast("#777777", "#ffffff")).toBeCloseTo(4.48, 2);
  });
});

describe("slots", () => {
  it("give 36 visible runs 36 slots", () => {
    expect(new Set(assignSlots(names(36)).values()).size).toBe(36);
  });

  it("use the twelve solid slots before any dash", () => {
    const slots = [...assignSlots(names(12)).values()];
    expect(Math.max(...slots)).toBeLessThan(SOLID_SLOTS);
    expect(slots.every((slot) => getSlotStyle(slot, "light").dash.length === 0)).toBe(true);
  });

  it("cycle the dash from the 13th run on", () => {
    const dashes = [...assignSlots(names(36)).values()].map((slot) =>
      getSlotStyle(slot, "dark").dash.join("-"),
    );
    expect(dashes.filter((dash) => dash === "6-3")).toHaveLength(12);
    expect(dashes.filter((dash) => dash === "2-2")).toHaveLength(12);
  });

  it("are the run's own when it is alone", () => {
    expect(assignSlots(["abc123"]).get("abc123")).toBe(getOwnSlot("abc123"));
  });

  it("stay with a run when others are hidden or come", () => {
    const before = assignSlots(names(10));
    const fewer = assignSlots(names(10).slice(4), before);
    const more = assignSlots([...names(10).slice(4), "new-1", "new-2"], fewer);
    for (const name of names(10).slice(4)) expect(more.get(name)).toBe(before.get(name));
  });

  it("still exist for more runs than colours", () => {
    const slots = assignSlots(names(100));
    expect([...slots.values()].every((slot) => slot >= 0 && slot < 36)).toBe(true);
  });
});

describe("a colour set by hand", () => {
  it("wins over the slot and takes none away", () => {
    const book = new ColorBook();
    const styles = book.assign([{ name: "a", color: "#123456" }, { name: "b" }], "light");
    expect(styles.get("a")).toEqual({ color: "#123456", dash: [] });
    expect(styles.get("b")).toEqual(getSlotStyle(getOwnSlot("b"), "light"));
  });

  it("is ignored when it is not a colour", () => {
    const styles = new ColorBook().assign([{ name: "a", color: "url(x)" }], "light");
    expect(styles.get("a")?.color).toBe(getSlotStyle(getOwnSlot("a"), "light").color);
  });
});
