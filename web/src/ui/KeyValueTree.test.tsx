import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { describe, expect, it } from "vitest";
import { KeyValueTree } from "./KeyValueTree";

const CONFIG = {
  lr: 0.0003,
  model: { depth: 24, block: { norm: "rms" } },
  note: "",
  best: "NaN",
  empty: {},
};

function rowNames(): string[] {
  return screen.getAllByRole("row").map((row) => row.textContent ?? "");
}

describe("a tree of settings", () => {
  it("shows every value, also those that are not finite or empty", () => {
    render(<KeyValueTree label="Config" value={CONFIG} search="" />);
    expect(screen.getByRole("row", { name: /^lr 0.0003/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^best NaN/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^note empty text/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^norm rms/ })).toBeVisible();
  });

  it("tells what media are in a word, not by their fields", () => {
    const value = {
      table: {
        _type: "table-file",
        nrows: 1200,
        ncols: 3,
        artifact_path: "wandb-client-artifact://x",
      },
      images: { _type: "images/separated", count: 6, filenames: ["a.png"] },
      odd: { _type: 3, kept: 1 },
    };
    render(<KeyValueTree label="Summary" value={value} search="" />);
    expect(screen.getByRole("row", { name: /^table table, 1,200 rows, 3 columns/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^images images, 6/ })).toBeVisible();
    expect(screen.getByRole("row", { name: /^kept 1/ })).toBeVisible();
    expect(screen.queryByText(/wandb-client-artifact/)).toBeNull();
  });

  it("folds and unfolds a branch by mouse and by keyboard", async () => {
    const user = userEvent.setup();
    render(<KeyValueTree label="Config" value={CONFIG} search="" />);
    const model = screen.getByRole("button", { name: /^model/ });
    await user.click(model);
    expect(screen.queryByRole("row", { name: /^depth/ })).toBeNull();
    expect(model).toHaveAttribute("aria-expanded", "false");
    await user.keyboard("{ArrowRight}");
    expect(screen.getByRole("row", { name: /^depth/ })).toBeVisible();
  });

  it("finds by path, by value and by regex, and keeps the branches above", () => {
    const { rerender } = render(<KeyValueTree label="Config" value={CONFIG} search="block.norm" />);
    expect(rowNames().map((name) => name.replace(/\d+$/, ""))).toEqual([
      "model",
      "block",
      expect.stringContaining("norm"),
    ]);
    rerender(<KeyValueTree label="Config" value={CONFIG} search="RMS" />);
    expect(rowNames()).toHaveLength(3);
    rerender(<KeyValueTree label="Config" value={CONFIG} search="/^lr$/" />);
    expect(rowNames()).toHaveLength(1);
    rerender(<KeyValueTree label="Config" value={CONFIG} search="/(/" />);
    expect(screen.getByText(/Nothing here matches/)).toBeVisible();
  });

  it("puts 5,000 keys into the page a part at a time", async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`key_${i}`, i]));
    render(<KeyValueTree label="Config" value={many} search="" />);
    expect(document.querySelectorAll("tr")).toHaveLength(200);
    await userEvent.click(screen.getByRole("button", { name: "Show more of 5,000 rows" }));
    expect(document.querySelectorAll("tr")).toHaveLength(1_200);
  });
});
