import { useState } from "react";
import { Button } from "../Button";
import { SandboxFrame } from "../SandboxFrame";
import styles from "./FilePreview.module.css";
import { FileText } from "./FileText";
import { WHOLE_BYTES_MAX } from "./fileContent";
import type { LoadableFile } from "./MediaPreview";

/** HTML and SVG in a frame that can reach nothing; their source beside it. */
export default function MarkupPreview({ file }: { file: LoadableFile }) {
  const [isSource, setSource] = useState(false);
  return (
    <FileText file={file} bytesMax={WHOLE_BYTES_MAX}>
      {({ text, isWhole }) => {
        const showsSource = isSource || !isWhole;
        return (
          <>
            <div className={styles.notice} data-quiet>
              <span>
                {isWhole
                  ? "Shown in a frame without access to this server or the network."
                  : "Too large to be shown as a page; this is the beginning of its source."}
              </span>
              {isWhole && (
                <Button look="ghost" onClick={() => setSource(!isSource)}>
                  {isSource ? "Show the page" : "Show the source"}
                </Button>
              )}
            </div>
            {showsSource ? (
              // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard
              <pre className={styles.text} tabIndex={0}>
                {text}
              </pre>
            ) : (
              <SandboxFrame
                title={`Content of ${file.name}`}
                html={text}
                withScripts={/\.html?$/i.test(file.name)}
              />
            )}
          </>
        );
      }}
    </FileText>
  );
}
