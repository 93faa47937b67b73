/** The mark: a beam on its hook, the load near, the counterweight far. */
export function Logo({ size = 22 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" fill="var(--accent)" />
      <path
        d="M5 10.5h22M9 10.5v4M6 14.5h6l-1 3.5H7zM23 10.5v9M20.5 19.5h5v5h-5zM14 10.5v-4"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
