import { useEffect } from "react";

/** The title of the tab, most specific part first. */
export function PageTitle({ title }: { title: string }) {
  useEffect(() => {
    document.title = `${title} · Steelyard`;
  }, [title]);
  return null;
}
