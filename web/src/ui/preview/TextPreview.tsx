import { Bytes } from "../values";
import styles from "./FilePreview.module.css";
import { FileText } from "./FileText";
import { prettyJson } from "./fileContent";
import type { LoadableFile } from "./MediaPreview";

export function TextPreview({ file, isJson = false }: { file: LoadableFile; isJson?: boolean }) {
  return (
    <FileText file={file}>
      {({ text, isWhole }) => (
        <>
          {!isWhole && <BeginningNotice sizeBytes={file.size_bytes} />}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard */}
          <pre className={styles.text} tabIndex={0}>
            {isJson && isWhole ? prettyJson(text) : text}
          </pre>
        </>
      )}
    </FileText>
  );
}

function BeginningNotice({ sizeBytes }: { sizeBytes: number }) {
  return (
    <p className={styles.notice}>
      <span>
        The beginning of the file. Download it to see all <Bytes value={sizeBytes} />.
      </span>
    </p>
  );
}
