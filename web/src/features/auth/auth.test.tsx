import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import axe from "axe-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeServer, openPage, problem } from "../../testing/page";
import AuthorizePage from "./AuthorizePage";
import KeysPage from "./KeysPage";
import LoginPage from "./LoginPage";

const KEY = "0123456789abcdef0123456789abcdef01234567";
const ME = { username: "ada", default_entity: "ada", entities: [], server: { version: "1" } };
const STORED = { id: 7, name: "laptop", hint: "cdef", created_at_us: 1e15, last_used_at_us: null };

let server: FakeServer;

beforeEach(() => {
  server = new FakeServer().install();
});
afterEach(() => vi.unstubAllGlobals());

describe("the login page", () => {
  it("signs in and goes on to where one wanted to go", async () => {
    server.on("POST /api/v1/login", () => undefined);
    const { container } = openPage(<LoginPage />, {
      path: "/login",
      address: "/login?next=%2Facme%2Fmnist%3Fsmooth%3D0.6",
    });
    expect((await axe.run(container)).violations).toEqual([]);
    await userEvent.type(screen.getByLabelText("User name or email"), " ada ");
    await userEvent.type(screen.getByLabelText("Password"), "secret words{Enter}");
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("/acme/mnist?smooth=0.6"),
    );
    expect(server.sent("POST")[0]?.body).toEqual({ username: "ada", password: "secret words" });
  });

  it("says what the server said about a wrong password, and stays", async () => {
    server.on("POST /api/v1/login", () => problem(401, "unauthenticated", "wrong password"));
    openPage(<LoginPage />, { path: "/login" });
    await userEvent.type(screen.getByLabelText("User name or email"), "ada");
    await userEvent.type(screen.getByLabelText("Password"), "guess{Enter}");
    expect(await screen.findByRole("alert")).toHaveTextContent("wrong password");
    expect(screen.getByLabelText("Password")).toHaveAccessibleDescription("wrong password");
    expect(screen.getByLabelText("address")).toHaveTextContent("/login");
  });

  it("explains a one-time link that was used before", () => {
    openPage(<LoginPage />, { path: "/login", address: "/login?problem=link" });
    expect(screen.getByRole("alert")).toHaveTextContent("used before or is too old");
  });
});

describe("the authorize page", () => {
  it("makes a key and shows it once, with the line for a shell", async () => {
    server.on("GET /api/v1/me", () => ME);
    server.on("POST /api/v1/keys", () => ({ id: 8, name: "my computer", key: KEY }));
    const { container } = openPage(<AuthorizePage />, { path: "/authorize" });
    await userEvent.click(await screen.findByRole("button", { name: "Create a key" }));
    expect(await screen.findByText(KEY)).toBeVisible();
    expect(screen.getByText(`wandb login --host ${location.origin} ${KEY}`)).toBeVisible();
    expect((await axe.run(container)).violations).toEqual([]);
  });

  it("sends someone who is signed out to sign in first, and back", async () => {
    server.on("GET /api/v1/me", () => problem(401, "unauthenticated", "sign in first"));
    openPage(<AuthorizePage />, { path: "/authorize" });
    await waitFor(() =>
      expect(screen.getByLabelText("address")).toHaveTextContent("/login?next=%2Fauthorize"),
    );
  });
});

describe("the list of keys", () => {
  it("revokes a key only after asking", async () => {
    let keys = [STORED];
    server.on("GET /api/v1/keys", () => ({ items: keys }));
    server.on("DELETE /api/v1/keys/7", () => {
      keys = [];
    });
    openPage(<KeysPage />, { path: "/settings/keys" });
    await userEvent.click(await screen.findByRole("button", { name: "Revoke the key laptop" }));
    const dialog = within(screen.getByRole("dialog"));
    expect(dialog.getByRole("button", { name: "Cancel" })).toHaveFocus();
    expect(server.sent("DELETE")).toEqual([]);
    await userEvent.click(dialog.getByRole("button", { name: "Revoke the key" }));
    expect(await screen.findByText("No keys yet")).toBeVisible();
    expect(screen.getByText("The key laptop is revoked.")).toBeVisible();
  });

  it("offers to try again when the keys cannot be read", async () => {
    server.on("GET /api/v1/keys", () => problem(403, "forbidden", "not yours"));
    openPage(<KeysPage />, { path: "/settings/keys" });
    expect(await screen.findByRole("alert")).toHaveTextContent("not yours");
    server.on("GET /api/v1/keys", () => ({ items: [STORED] }));
    await userEvent.click(screen.getByRole("button", { name: "Retry" }));
    expect(await screen.findByRole("cell", { name: "laptop" })).toBeVisible();
  });
});
