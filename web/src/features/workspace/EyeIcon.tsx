/** An open or struck eye. */
export function EyeIcon({ isOpen }: { isOpen: boolean }) {
  return (
    <svg
      aria-hidden="true"
      width={16}
      height={16}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.4}
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {isOpen ? (
        <path d="M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8M8 10a2 2 0 1 0 0-4 2 2 0 0 0 0 4" />
      ) : (
        <path d="M2 9.5S4.2 12 8 12s6-2.5 6-2.5M3.6 11.3 2.5 12.8M8 12v1.9M12.4 11.3l1.1 1.500" />
      )}
    </svg>
  );
}
