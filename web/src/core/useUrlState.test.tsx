import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { MemoryRouter, useLocation } from "react-router";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { namesParam, numberParam, rangeParam } from "./urlState";
import { URL_DELAY_MS, useUrlState } from "./useUrlState";

const schema = { smooth: numberParam(0, 0, 1), hide: namesParam(), zoom: rangeParam() };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function open(address: string) {
  const wrapper = ({ children }: { children: ReactNode }) => (
    <MemoryRouter initialEntries={[address]}>{children}</MemoryRouter>
  );
  const seen: number[] = [];
  const { result } = renderHook(
    () => {
      const url = useUrlState(schema);
      const { search, hash } = useLocation();
      seen.push(url.state.smooth);
      return { ...url, address: search + hash };
    },
    { wrapper },
  );
  const rest = () => act(() => vi.advanceTimersByTimeAsync(URL_DELAY_MS * 3));
  return { result, seen, rest };
}

it("a change shows at once and reaches the address when it rests", async () => {
  const { result, rest } = open("/p?v=1#L5");
  act(() => result.current.change({ smooth: 0.3 }));
  act(() => result.current.change({ smooth: 0.5, hide: ["a"] }));
  expect(result.current.state.smooth).toBe(0.5);
  expect(result.current.address).toBe("?v=1#L5");
  await rest();
  expect(result.current.address).toBe("?v=1&smooth=0.5&hide=a#L5");
});

it("never falls back to the old value while the address is being written", async () => {
  const { result, seen, rest } = open("/p");
  act(() => result.current.change({ smooth: 0.5 }));
  const changed = seen.lastIndexOf(0);
  await rest();
  expect(seen.slice(changed + 1).every((value) => value === 0.5)).toBe(true);
});

it("keeps the objects of values that did not change", async () => {
  const { result, rest } = open("/p?hide=a&zoom=1,2");
  const before = result.current.state;
  act(() => result.current.change({ smooth: 0.5 }));
  await rest();
  expect(result.current.state.hide).toBe(before.hide);
  expect(result.current.state.zoom).toBe(before.zoom);
});

it("a change to what the address says already is over at once", async () => {
  const { result, rest } = open("/p?smooth=0.5");
  act(() => result.current.change({ smooth: 0.5 }));
  await rest();
  expect(result.current.address).toBe("?smooth=0.5");
});

it("never leads back from a page that is on its way", async () => {
  const { result, rest } = open("/p");
  // As a link to a page whose chunk is still being loaded does: the address bar is ahead of what is shown.
  history.pushState({ key: "next-page" }, "");
  act(() => result.current.change({ smooth: 0.5 }));
  await rest();
  expect(result.current.address).toBe("");
  history.replaceState(null, "");
});
