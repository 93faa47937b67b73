/** Numbers, sizes and times as text, the same on every page. */

const BYTE_UNITS = ["B", "KB", "MB", "GB", "TB", "PB"] as const;
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;

/** Four significant digits; exponent form where plain digits would hide the size. */
export function formatNumber(value: number, digits = 4): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return value.toLocaleString("en-US");
  if (size < 1e-4 || size >= 1e9) {
    return value
      .toExponential(digits - 1)
      .replace(/\.?0+e/, "e")
      .replace("e+", "e");
  }
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  const text = value.toLocaleString("en-US", { maximumFractionDigits: Math.min(decimals, 20) });
  return text;
}

/** All digits that matter to a person: six, or those before the point if there are more. */
export function formatExact(value: number): string {
  if (!Number.isFinite(value) || Number.isInteger(value)) return formatNumber(value);
  const size = Math.abs(value);
  if (size < 1e-4 || size >= 1e15) return formatNumber(value, 6);
  return String(Number(size < 1e6 ? value.toPrecision(6) : value.toFixed(2)));
}

/** Decimal units, as disks and networks count: 1 KB = 1,000 B. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const text = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1);
  return `${text} ${BYTE_UNITS[unit]}`;
}

/** The two largest units: "2h 14m", "3d 1h", "41s", "0.4s". */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return "–";
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE_S) return `${whole}s`;
  if (whole < HOUR_S) return `${Math.floor(whole / MINUTE_S)}m ${whole % MINUTE_S}s`;
  if (whole < DAY_S) {
    return `${Math.floor(whole / HOUR_S)}h ${Math.floor((whole % HOUR_S) / MINUTE_S)}m`;
  }
  return `${Math.floor(whole / DAY_S)}d ${Math.floor((whole % DAY_S) / HOUR_S)}h`;
}

export function formatAgo(us: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - us / 1000) / 1000));
  if (seconds < 5) return "just now";
  if (seconds < MINUTE_S) return `${seconds} s ago`;
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)} min ago`;
  if (seconds < DAY_S) return `${Math.floor(seconds / HOUR_S)} h ago`;
  if (seconds < 30 * DAY_S) return `${Math.floor(seconds / DAY_S)} d ago`;
  return new Date(us / 1000).toLocaleDateString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
  });
}

export function formatTime(us: number): string {
  return new Date(us / 1000).toLocaleString("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
}
