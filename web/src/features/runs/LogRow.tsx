import { memo } from "react";
import type { LogLine } from "../../api/types";
import { cssOf } from "../../ui/ansiCss";
import { classes } from "../../ui/classes";
import styles from "./LogRow.module.css";
import { type LogPiece, markLine } from "./logMarks";

interface LogRowProps {
  number: number;
  /** Undefined while it is on its way. */
  line: LogLine | undefined;
  find: RegExp | null;
  withTime: boolean;
  isSelected: boolean;
  /** Digits of the largest number. */
  numberWidth: number;
  onSelect: (line: number) => void;
}

export const LogRow = memo(function LogRow(props: LogRowProps) {
  const { number, line, find, withTime, isSelected, numberWidth, onSelect } = props;
  const isFromStderr = line?.level === "error" || line?.level === "ERROR";
  return (
    <div
      className={classes(styles.row, isSelected && styles.selected)}
      data-stderr={isFromStderr || undefined}
      aria-current={isSelected ? "location" : undefined}
    >
      <a
        className={styles.number}
        href={`#L${number + 1}`}
        style={{ width: `${numberWidth + 2}ch` }}
        title={isFromStderr ? "Written to stderr. Link to this line" : "Link to this line"}
        tabIndex={-1}
        onClick={(event) => {
          event.preventDefault();
          onSelect(number);
        }}
      >
        {number + 1}
      </a>
      {withTime && <span className={styles.time}>{formatTimestamp(line?.timestamp ?? null)}</span>}
      <span className={styles.text}>
        {line === undefined ? (
          <span className={styles.loading} />
        ) : (
          markLine(line.text, find).map((piece, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place
            <Piece key={index} piece={piece} />
          ))
        )}
      </span>
    </div>
  );
});

function Piece({ piece }: { piece: LogPiece }) {
  const Tag = piece.isHit ? "mark" : "span";
  return <Tag style={cssOf(piece.style)}>{piece.text}</Tag>;
}

function formatTimestamp(timestamp: string | null): string {
  return timestamp?.match(/T?(\d\d:\d\d:\d\d(?:\.\d{1,3})?)/)?.[1] ?? "";
}
