import { useMemo } from "react";
import { parseAnsiLine } from "../../core/ansi";
import { cssOf } from "../ansiCss";
import { SandboxFrame } from "../SandboxFrame";
import { FileText } from "./FileText";
import { WHOLE_BYTES_MAX } from "./fileContent";
import type { LoadableFile } from "./MediaPreview";
import { Message } from "./Message";
import styles from "./NotebookPreview.module.css";
import { type NotebookCell, type NotebookOutput, parseNotebook } from "./notebook";

const CELLS_SHOWN_MAX = 500;
const FRAME_PX = 200;

/** The cells of a notebook with what they put out; Markdown as it was written, HTML in frames. */
export default function NotebookPreview({ file }: { file: LoadableFile }) {
  return (
    <FileText file={file} bytesMax={WHOLE_BYTES_MAX}>
      {({ text, isWhole }) =>
        isWhole ? (
          <Notebook text={text} />
        ) : (
          <Message text="This notebook is too large to be shown here; download it." />
        )
      }
    </FileText>
  );
}

function Notebook({ text }: { text: string }) {
  const cells = useMemo(() => parseNotebook(text), [text]);
  if (cells === null) {
    return <Message text="This is no notebook of format 4; download it to look inside." />;
  }
  if (cells.length === 0) return <Message text="This notebook has no cells." />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard
    <ol className={styles.cells} aria-label="Cells" tabIndex={0}>
      {cells.slice(0, CELLS_SHOWN_MAX).map((cell, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: cells have no identity but their place
        <Cell key={index} cell={cell} number={index + 1} />
      ))}
      {cells.length > CELLS_SHOWN_MAX && (
        <li>The first {CELLS_SHOWN_MAX} cells. Download the notebook to see the others.</li>
      )}
    </ol>
  );
}

function Cell({ cell, number }: { cell: NotebookCell; number: number }) {
  if (cell.kind !== "code") {
    return (
      <li className={styles.markdown} aria-label={`Cell ${number}, text`}>
        {cell.source}
      </li>
    );
  }
  return (
    <li className={styles.code} aria-label={`Cell ${number}, code`}>
      <span className={styles.count}>[{cell.count ?? " "}]</span>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, also by keyboard */}
      <pre className={styles.source} tabIndex={0}>
        {cell.source}
      </pre>
      {cell.outputs.map((output, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: outputs have no identity but their place
        <div key={index} className={styles.output}>
          <Output output={output} label={`Output of cell ${number}`} />
        </div>
      ))}
    </li>
  );
}

function Output({ output, label }: { output: NotebookOutput; label: string }) {
  if (output.kind === "image") return <img src={output.url} alt={label} loading="lazy" />;
  if (output.kind === "markup") {
    return <SandboxFrame title={label} html={output.html} height={FRAME_PX} />;
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, also by keyboard
    <pre className={styles.text} data-error={output.isError || undefined} tabIndex={0}>
      {output.text.split("\n").map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity but their place
        <span key={index}>
          {parseAnsiLine(line).map((piece, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: pieces have no identity but their place
            <span key={at} style={cssOf(piece.style)}>
              {piece.text}
            </span>
          ))}
          {"\n"}
        </span>
      ))}
    </pre>
  );
}
