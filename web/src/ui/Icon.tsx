import type { SVGProps } from "react";

/** Stroked 16 × 16 outlines; the ones in FILLED are drawn as areas. */
const PATHS = {
  check: "M3.5 8.5 6.5 11.5 12.5 4.5",
  x: "M4 4l8 8M12 4l-8 8",
  warning: "M8 2.5 14.2 13.3H1.8zM8 6.5v3.2M8 11.6v.1",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12M8 7.5v3.5M8 5.1v.1",
  search: "M7 11.5A4.5 4.5 0 1 0 7 2.5a4.5 4.5 0 0 0 0 9M10.4 10.4 13.5 13.5",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  sun: "M8 10.8A2.8 2.8 0 1 0 8 5.2a2.8 2.8 0 0 0 0 5.6M8 1.5v1.2M8 13.3v1.2M1.5 8h1.2M13.3 8h1.2M3.4 3.4l.9.9M11.7 11.7l.9.9M3.4 12.6l.9-.9M11.7 4.3l.9-.9",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1",
  monitor: "M2 3h12v8.5H2zM5.5 14h5M8 11.5V14",
  chevronRight: "M6 3.5 10.5 8 6 12.5",
  chevronLeft: "M10 3.5 5.5 8 10 12.5",
  chevronDown: "M3.5 6 8 10.5 12.5 6",
  chevronUp: "M3.5 10 8 5.5 12.5 10",
  chevronsUpDown: "M5 6l3-3 3 3M5 10l3 3 3-3",
  plus: "M8 3v10M3 8h10",
  trash: "M2.5 4.5h11M6 4.5v-2h4v2M4 4.5l.7 9h6.6l.7-9M6.7 7v4M9.3 7v4",
  download: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M2.5 13.5h11",
  external: "M9.5 2.5h4v4M13.5 2.5 7.5 8.5M12 9.5v4H2.5V4h4",
  key: "M5.5 13.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6M7.7 8.3l5.8-5.8M11 5l2 2",
  user: "M8 7.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4M2.8 14c.3-2.8 2.4-4.4 5.2-4.4s4.9 1.6 5.2 4.4",
  more: "M3.5 8h.1M8 8h.1M12.5 8h.1",
  edit: "M3 13l.6-2.8L11 2.8l2.2 2.2-7.4 7.4z",
  file: "M4 1.8h5.2L12 4.6v9.6H4zM9 1.8v3h3",
  folder: "M1.8 12.8V3.5h4.4l1.5 1.8h6.5v7.5z",
  image: "M2 3h12v10H2zM2 11l3.5-3.5 3 3 2-2L14 12M10.5 6.2h.1",
  arrowDown: "M8 2.5v11M3.8 9.3 8 13.5 12.2 9.3",
  link: "M6.8 9.2a2.6 2.6 0 0 0 3.7 0l2.2-2.2A2.6 2.6 0 0 0 9 3.3l-.8.8M9.2 6.8a2.6 2.6 0 0 0-3.7 0L3.3 9A2.6 2.6 0 0 0 7 12.7l.8-.8",
  logout: "M6.5 2.5h-4v11h4M6.5 8h7M10.7 5.2 13.5 8l-2.8 2.8",
  undo: "M5.5 3 2.5 6l3 3M2.5 6h7a3.8 3.8 0 0 1 0 7.5H6",
  play: "M4.5 2.8v10.4L13 8z",
  pause: "M5.3 3.3v9.4M10.7 3.3v9.4",
  stop: "M3.8 3.8h8.4v8.4H3.8z",
  disc: "M8 12.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9",
  dashes:
    "M8 2.8a5.2 5.2 0 0 1 2.6.7M12.5 5.4a5.2 5.2 0 0 1 .7 2.6M12.5 10.6a5.2 5.2 0 0 1-1.9 1.9M8 13.2a5.2 5.2 0 0 1-2.6-.7M3.5 10.6A5.2 5.2 0 0 1 2.8 8M3.5 5.4a5.2 5.2 0 0 1 1.9-1.9",
  chart: "M2.5 2.5v11h11M5 10.5l2.5-3.5 2 2 3.5-5",
  list: "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.1M2.5 8h.1M2.5 12h.1",
  sidebar: "M2 3h12v10H2zM6 3v10",
  box: "M8 1.8 13.8 4.9v6.2L8 14.2 2.2 11.1V4.9zM2.2 4.9 8 8l5.8-3.1M8 8v6.2",
  stack: "M8 2 14 5 8 8 2 5zM2 8l6 3 6-3M2 11l6 3 6-3",
  minus: "M3 8h10",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  compare: "M5 2.5v11M5 2.5 2.5 5M5 2.5 7.5 5M11 13.5v-11M11 13.5 8.5 11M11 13.5l2.5-2.5",
} as const;

const FILLED: ReadonlySet<IconName> = new Set(["disc", "stop"]);

export type IconName = keyof typeof PATHS;

interface IconProps extends Omit<SVGProps<SVGSVGElement>, "name"> {
  name: IconName;
  size?: number;
}

/** Decorative: the words beside it, or the label of its button, carry the meaning. */
export function Icon({ name, size = 16, ...rest }: IconProps) {
  const isFilled = FILLED.has(name);
  return (
    <svg
      aria-hidden="true"
      focusable="false"
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill={isFilled ? "currentColor" : "none"}
      stroke={isFilled ? "none" : "currentColor"}
      strokeWidth={name === "more" || name === "list" ? 1.7 : 1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
      style={{ flex: "none" }}
      {...rest}
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
