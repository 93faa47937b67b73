/** Renders a page as the app does, on a server made of the answers that a test gives. */

import { render } from "@testing-library/react";
import { MemoryRouter, Route, Routes, useLocation } from "react-router";
import { vi } from "vitest";
import { Providers } from "../app/Providers";

export interface Request {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
}

type Answer = (request: Request) => unknown;

/** Answers by "METHOD /path". A returned Response is sent as it is, undefined as 204, all else as JSON. */
export class FakeServer {
  readonly requests: Request[] = [];
  #answers = new Map<string, Answer>();

  on(methodAndPath: string, answer: Answer): this {
    this.#answers.set(methodAndPath, answer);
    return this;
  }

  sent(method: string): Request[] {
    return this.requests.filter((request) => request.method === method);
  }

  install(): this {
    vi.stubGlobal("fetch", async (input: string, init: RequestInit = {}) => {
      const url = new URL(input, location.origin);
      const request: Request = {
        method: init.method ?? "GET",
        path: decodeURIComponent(url.pathname),
        query: url.searchParams,
        body: init.body === undefined ? undefined : JSON.parse(String(init.body)),
      };
      this.requests.push(request);
      const answer = this.#answers.get(`${request.method} ${request.path}`);
      if (answer === undefined) return problem(404, "not_found", "There is no such thing.");
      const result = await answer(request);
      if (result instanceof Response) return result;
      return result === undefined ? new Response(null, { status: 204 }) : Response.json(result);
    });
    return this;
  }
}

export function problem(status: number, code: string, detail: string, more: object = {}): Response {
  return Response.json({ title: "Problem", status, code, detail, ...more }, { status });
}

/** Renders `element` at `path` when the address is `address`; other addresses show themselves only. */
export function openPage(
  element: React.ReactElement,
  { path, address = path }: { path: string; address?: string },
) {
  return render(
    <MemoryRouter initialEntries={[address]}>
      <Providers>
        <Routes>
          <Route path={path} element={element} />
          <Route path="*" element={null} />
        </Routes>
        <Address />
      </Providers>
    </MemoryRouter>,
  );
}

function Address() {
  const { pathname, search, hash } = useLocation();
  return <output aria-label="address">{pathname + search + hash}</output>;
}
