import { useCallback, useRef, useState } from "react";

const MARGIN = "300px";

/**
 * A ref and whether its element is on screen or nearly, also within what scrolls sideways.
 *
 * Beside charts/useNearViewport, which is part of what a workspace loads first: shared with the viewers it would be a
 * file of its own there.
 */
export function useOnScreen(): [(element: HTMLElement | null) => void, boolean] {
  const hasObserver = typeof IntersectionObserver !== "undefined";
  const [isOnScreen, setOnScreen] = useState(!hasObserver);
  const observer = useRef<IntersectionObserver | null>(null);
  const setElement = useCallback(
    (element: HTMLElement | null) => {
      observer.current?.disconnect();
      observer.current = null;
      if (element === null || !hasObserver) return;
      const options = { rootMargin: MARGIN, scrollMargin: MARGIN };
      observer.current = new IntersectionObserver(
        (entries) => setOnScreen(entries.at(-1)?.isIntersecting ?? false),
        options,
      );
      observer.current.observe(element);
    },
    [hasObserver],
  );
  return [setElement, isOnScreen];
}
