import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { TableQuery, TableSave } from "~/api/types";
import { installLayout } from "~/core/testing/canvas";
import { makeTableServer, OTHER, REF } from "~/tables/testing/tableServer";
import { type FakeServer, openPage, problem } from "~/testing/page";
import TablePage from "./TablePage";

let server: FakeServer;

beforeEach(() => {
  installLayout();
  server = makeTableServer().install();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function open(search = "") {
  return openPage(<TablePage />, {
    path: "/:entity/:project/tables/:ref",
    address: `/acme/mnist/tables/${encodeURIComponent(REF)}${search}`,
  });
}

function lastQuery(): TableQuery {
  const asked = server.requests.filter(({ path }) => path === "/api/v1/tables:query");
  return asked.at(-1)?.body as TableQuery;
}

const findGrid = () => screen.findByRole("grid", { name: "Rows of rows.table.json" });
const findRow = (name: RegExp) => screen.findByRole("row", { name });

describe("a table", () => {
  it("keeps the number of its elements small, whatever its length", async () => {
    const { container } = open();
    const grid = await findGrid();
    await findRow(/q3 /);
    expect(grid).toHaveAttribute("aria-rowcount", "10001");
    expect(container.querySelectorAll("*").length).toBeLessThan(900);
    expect(lastQuery()).toMatchObject({ offset: 0, limit: 100 });
  });

  it("tells null, NaN and numbers from one another, and shows pictures small", async () => {
    open();
    await findRow(/q3 /);
    const [first, second, third] = screen.getAllByRole("row").slice(1);
    expect(within(first as HTMLElement).getByText("null")).toBeVisible();
    expect(within(second as HTMLElement).getByText("NaN")).toBeVisible();
    expect(within(third as HTMLElement).getByText("0.25")).toBeVisible();
    expect(within(third as HTMLElement).getByRole("img", { name: "2.png" })).toHaveAttribute(
      "src",
      "/api/v1/previews/thumbnail?name=2",
    );
  });

  it("is filtered by a condition on a column, which the address keeps", async () => {
    open();
    await findGrid();
    await userEvent.click(screen.getByRole("button", { name: "Filter" }));
    const form = within(screen.getByRole("form", { name: "New filter" }));
    await userEvent.selectOptions(form.getByLabelText("Column"), "score");
    await userEvent.selectOptions(form.getByLabelText("Condition"), "<");
    await userEvent.type(form.getByLabelText("Value"), "low");
    await userEvent.click(form.getByRole("button", { name: "Apply" }));
    expect(form.getByRole("alert")).toHaveTextContent("Write a number");
    await userEvent.clear(form.getByLabelText("Value"));
    await userEvent.type(form.getByLabelText("Value"), "0.5");
    await userEvent.click(form.getByRole("button", { name: "Apply" }));
    await screen.findByText("1,000 of 10,000 rows");
    expect(lastQuery().where).toEqual({ and: [{ column: "score", op: "<", value: 0.5 }] });
    await waitFor(() =>
      expect(decodeURIComponent(screen.getByLabelText("address").textContent ?? "")).toContain(
        'where=["score","<",0.5]',
      ),
    );
    await userEvent.click(screen.getByRole("button", { name: "Remove the filter score < 0.5" }));
    await screen.findByText("10,000 rows");
  });

  it("is filtered by any of some conditions, in a group of their own", async () => {
    open(`?where=${encodeURIComponent('["score","<",0.5]')}`);
    await screen.findByText("1,000 of 10,000 rows");
    const write = async (value: string, counts: string) => {
      await userEvent.click(screen.getByRole("button", { name: "Filter" }));
      const form = within(screen.getByRole("form", { name: "New filter" }));
      await userEvent.selectOptions(form.getByLabelText("Column"), "category");
      await userEvent.selectOptions(form.getByLabelText("Condition"), "is");
      await userEvent.type(form.getByLabelText("Value"), value);
      await userEvent.selectOptions(form.getByLabelText("Counts"), counts);
      await userEvent.click(form.getByRole("button", { name: "Apply" }));
    };
    await write("odd", "and in a new group");
    await screen.findByRole("group", { name: "Group category is odd" });
    await write("even", "in the group category is odd");
    const group = await screen.findByRole("group", {
      name: "Group category is odd or category is even",
    });
    const odd = { column: "category", op: "=", value: "odd" };
    const even = { ...odd, value: "even" };
    const low = { column: "score", op: "<", value: 0.5 };
    await waitFor(() => expect(lastQuery().where).toEqual({ and: [low, { or: [odd, even] }] }));
    await userEvent.selectOptions(screen.getByLabelText("Rows pass"), "any of");
    await userEvent.selectOptions(within(group).getByLabelText("The group passes"), "all of");
    await waitFor(() => expect(lastQuery().where).toEqual({ or: [low, { and: [odd, even] }] }));
    await userEvent.click(
      screen.getByRole("button", { name: "Remove the filter category is odd" }),
    );
    await waitFor(() => expect(lastQuery().where).toEqual({ or: [low, { and: [even] }] }));
    await userEvent.click(screen.getByRole("button", { name: "Clear filters" }));
    await screen.findByText("10,000 rows");
  });

  it("is downloaded as it is found, however long it is", async () => {
    open(`?sort=-score&where=${encodeURIComponent('["score","<",0.5]')}`);
    await screen.findByText("1,000 of 10,000 rows");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Download as CSV…" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Download as CSV" }));
    const link = dialog.getByRole("link", { name: "Download 1,000 rows" });
    const question = new URL(link.getAttribute("href") ?? "", "http://here").searchParams;
    expect(JSON.parse(question.get("question") ?? "")).toMatchObject({
      ref: REF,
      where: { and: [{ column: "score", op: "<", value: 0.5 }] },
      sort: [{ column: "score", desc: true }],
    });
    expect(link).toHaveAttribute("download");
  });

  it("says what is wrong with a filter, and offers to drop it", async () => {
    open(`?where=${encodeURIComponent('["question","regex","["]')}`);
    expect(await screen.findByText("'[' is no regular expression")).toBeVisible();
    await userEvent.click(screen.getByRole("button", { name: "Clear filters" }));
    await findRow(/q3 /);
  });

  it("is searched in all columns, and says when nothing is found", async () => {
    open();
    await userEvent.type(
      await screen.findByRole("searchbox", { name: "Search all columns" }),
      "nowhere",
    );
    await userEvent.click(await screen.findByRole("button", { name: "Clear filters and search" }));
    await findRow(/q3 /);
  });

  it("is sorted by a click on a name, and by a second column with Shift", async () => {
    open();
    await findGrid();
    const user = userEvent.setup();
    await user.click(screen.getByRole("button", { name: "category" }));
    await user.keyboard("{Shift>}");
    await user.click(screen.getByRole("button", { name: "score" }));
    await user.keyboard("{/Shift}");
    await waitFor(() =>
      expect(lastQuery().sort).toEqual([
        { column: "category", desc: false },
        { column: "score", desc: false },
      ]),
    );
    expect(screen.getByRole("columnheader", { name: /^score/ })).toHaveAttribute(
      "aria-sort",
      "ascending",
    );
  });

  it("is filtered by a click on a value beside it, and again without it", async () => {
    open("?facet=category");
    const panel = within(await screen.findByRole("region", { name: "Values of category" }));
    await userEvent.click(await panel.findByRole("button", { name: /^odd/ }));
    await screen.findByRole("list", { name: "Filters" });
    expect(lastQuery().where).toEqual({ and: [{ column: "category", op: "=", value: "odd" }] });
    await userEvent.click(await panel.findByRole("button", { name: /^odd/, pressed: true }));
    await screen.findByText("10,000 rows");
  });

  it("is put into groups, which lead to their rows and back", async () => {
    open("?group=category&agg=mean:score");
    await findRow(/odd 5,000 0.25/);
    await userEvent.click(screen.getByRole("button", { name: "Show the rows of group 2" }));
    await findGrid();
    expect(lastQuery().where).toEqual({ and: [{ column: "category", op: "=", value: "odd" }] });
    await userEvent.click(screen.getByRole("button", { name: "Back to the groups by category" }));
    await findRow(/odd 5,000 0.25/);
  });

  it("opens a row in full, and goes on by keyboard", async () => {
    open();
    const grid = await findGrid();
    await findRow(/q3 /);
    grid.focus();
    await userEvent.keyboard("{ArrowDown}{Enter}");
    const drawer = within(await screen.findByRole("complementary", { name: "Row in full" }));
    expect(await drawer.findByText("long")).toHaveProperty("tagName", "STRONG");
    await userEvent.keyboard("{ArrowDown}");
    expect(await drawer.findByRole("heading", { name: "Row 1" })).toBeVisible();
    await userEvent.keyboard("{Escape}");
    await waitFor(() =>
      expect(screen.queryByRole("complementary", { name: "Row in full" })).toBeNull(),
    );
  });

  it("is saved as it is found", async () => {
    open(`?where=${encodeURIComponent('["score","<",0.5]')}`);
    await screen.findByText("1,000 of 10,000 rows");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Save as a dataset…" }));
    const dialog = within(await screen.findByRole("dialog", { name: "Save as a dataset" }));
    await userEvent.clear(dialog.getByLabelText("Dataset"));
    await userEvent.type(dialog.getByLabelText("Dataset"), "hard");
    await userEvent.click(dialog.getByRole("button", { name: "Save 1,000 rows" }));
    expect(await dialog.findByRole("link", { name: "hard:v0" })).toBeVisible();
    const sent = server.requests.find(({ path }) => path.endsWith(":save"))?.body as TableSave;
    expect(sent).toMatchObject({ ref: REF, collection: "hard", type: "dataset" });
    expect(sent.where).toEqual({ and: [{ column: "score", op: "<", value: 0.5 }] });
  });

  it("that cannot be read says so, with a way on", async () => {
    server.on("GET /api/v1/tables/schema", () =>
      problem(404, "not_found", "There is no such file."),
    );
    open();
    expect(await screen.findByText("There is no such file.")).toBeVisible();
    expect(screen.getByRole("button", { name: "Retry" })).toBeVisible();
  });

  it("has no accessibility problems, with all its parts open", async () => {
    const { container } = open("?facet=category&row=1&group=");
    await findRow(/q3 /);
    await screen.findByRole("region", { name: "Values of category" });
    const { violations } = await axe.run(container, { rules: { region: { enabled: false } } });
    expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
  });
});

describe("two tables", () => {
  it("are put beside each other, and filtered by how rows turned out", async () => {
    open(`?vs=${encodeURIComponent(OTHER)}`);
    await findRow(/A is better \+0.25 0.75 0.5/);
    const join = server.requests.find(({ path }) => path.endsWith(":join"))?.body;
    expect(join).toMatchObject({ on: ["id"], compare: "score", higher_is_better: true });
    await userEvent.click(screen.getByRole("button", { name: "A is better 1" }));
    await waitFor(() =>
      expect(server.requests.at(-1)?.body).toMatchObject({
        where: { column: "outcome", op: "=", value: "win" },
      }),
    );
    await userEvent.selectOptions(screen.getByLabelText("Better is"), "lower");
    await waitFor(() =>
      expect(server.requests.at(-1)?.body).toMatchObject({ higher_is_better: false }),
    );
  });
});
