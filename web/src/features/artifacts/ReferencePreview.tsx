import type { FileItem } from "~/api/types";
import { CopyButton } from "~/ui/CopyButton";
import { Icon } from "~/ui/Icon";
import { KeyValueTree } from "~/ui/KeyValueTree";
import { nameOf } from "~/ui/preview/fileContent";
import { Bytes } from "~/ui/values";
import { Fact, Facts } from "./Facts";
import styles from "./ReferencePreview.module.css";

/** A file whose bytes are elsewhere: where, and how it would be known again. Nothing is loaded from there. */
export function ReferencePreview({ file }: { file: FileItem }) {
  const ref = file.ref ?? "";
  const isWeb = /^https?:\/\//i.test(ref);
  return (
    <section className={styles.reference} aria-label={`Reference ${file.path}`}>
      <h2>
        <Icon name="link" size={14} />
        {nameOf(file.path)}
      </h2>
      <p className={styles.note}>
        A reference: only this address is kept here, the bytes are where it leads.
      </p>
      <Facts>
        <Fact name="Address">
          <span className={styles.address}>
            {isWeb ? (
              <a href={ref} target="_blank" rel="noreferrer noopener">
                {ref}
              </a>
            ) : (
              <code>{ref}</code>
            )}
            <CopyButton text={ref} label="Copy the address" />
          </span>
        </Fact>
        <Fact name="Path">{file.path}</Fact>
        <Fact name="Size">
          {file.size_bytes > 0 ? <Bytes value={file.size_bytes} /> : "not known"}
        </Fact>
        <Fact name="Checksum">
          <code>{file.digest === ref ? "none: the address alone" : file.digest}</code>
        </Fact>
      </Facts>
      {Object.keys(file.extra).length > 0 && (
        <KeyValueTree label="More about it" value={file.extra} search="" />
      )}
    </section>
  );
}
