import { useCallback, useRef, useState } from "react";

/** Elements count as near within one more viewport above and below. */
const MARGIN = "100% 0px";

interface Watcher {
  observer: IntersectionObserver;
  callbacks: WeakMap<Element, (isNear: boolean) => void>;
}

const watchers = new WeakMap<Element | Document, Watcher>();

/** A ref and whether its element is near the visible part of what scrolls it. */
export function useNearViewport(): [(element: HTMLElement | null) => void, boolean] {
  const hasObserver = typeof IntersectionObserver !== "undefined";
  const [isNear, setIsNear] = useState(!hasObserver);
  const leave = useRef<() => void>(() => {});
  const setElement = useCallback(
    (element: HTMLElement | null) => {
      leave.current();
      leave.current = () => {};
      if (element === null || !hasObserver) return;
      const { observer, callbacks } = getWatcher(findScroller(element));
      callbacks.set(element, setIsNear);
      observer.observe(element);
      leave.current = () => observer.unobserve(element);
    },
    [hasObserver],
  );
  return [setElement, isNear];
}

function getWatcher(root: Element | null): Watcher {
  const key = root ?? document;
  const known = watchers.get(key);
  if (known !== undefined) return known;
  const callbacks: Watcher["callbacks"] = new WeakMap();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) callbacks.get(entry.target)?.(entry.isIntersecting);
    },
    // The margin works on the observer's root only, so the root must be what scrolls.
    { root, rootMargin: MARGIN },
  );
  const watcher = { observer, callbacks };
  watchers.set(key, watcher);
  return watcher;
}

function findScroller(element: HTMLElement): Element | null {
  for (let at = element.parentElement; at !== null; at = at.parentElement) {
    if (at === document.body || at === document.documentElement) return null;
    const { overflowY } = getComputedStyle(at);
    if (overflowY === "auto" || overflowY === "scroll") return at;
  }
  return null;
}
