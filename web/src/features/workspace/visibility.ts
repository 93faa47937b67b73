/** Which runs are drawn: the first of the list, minus those switched off, plus those switched on. */

export interface Visibility {
  show: number;
  hide: readonly string[];
  also: readonly string[];
  solo: string;
}

/** Names of the visible runs in the order of the list; runs further down the list come last. */
export function listVisible(listed: readonly string[], visibility: Visibility): string[] {
  const { show, hide, also, solo } = visibility;
  if (solo !== "") return [solo];
  const hidden = new Set(hide);
  const first = listed.slice(0, show).filter((name) => !hidden.has(name));
  const seen = new Set(first);
  return [...first, ...also.filter((name) => !seen.has(name) && !hidden.has(name))];
}

/** Switches one run on or off; leaves solo mode. */
export function toggleRun(
  listed: readonly string[],
  visibility: Visibility,
  name: string,
): Partial<Visibility> {
  const isVisible = listVisible(listed, visibility).includes(name);
  const isAmongFirst = listed.slice(0, visibility.show).includes(name);
  const hide = visibility.hide.filter((other) => other !== name);
  const also = visibility.also.filter((other) => other !== name);
  if (visibility.solo !== "") {
    // The run is added to the one that was alone, or taken away and all others come back.
    if (isVisible) return { solo: "" };
    return { solo: "", show: 0, hide: [], also: [visibility.solo, name] };
  }
  if (isVisible) return isAmongFirst ? { hide: [...hide, name], also } : { hide, also };
  return isAmongFirst ? { hide, also } : { hide, also: [...also, name] };
}
