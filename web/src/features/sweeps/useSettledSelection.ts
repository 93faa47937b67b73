import { useEffect, useState } from "react";
import type { TrialSelection } from "./selection";

const REST_MS = 120;

/** The version of a selection once it rests: a table need not follow every frame of a brush. */
export function useSettledSelection(selection: TrialSelection): number {
  const [version, setVersion] = useState(selection.version);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const follow = () => {
      clearTimeout(timer);
      // On a busy machine frames are further apart than a rest is long.
      if (selection.isDragged) return;
      timer = setTimeout(() => setVersion(selection.version), REST_MS);
    };
    follow();
    const leave = selection.subscribe(follow);
    return () => {
      leave();
      clearTimeout(timer);
    };
  }, [selection]);
  return version;
}
