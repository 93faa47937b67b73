import { Icon } from "../ui/Icon";
import { localUrl, nameOf } from "../ui/preview/fileContent";
import { Bytes } from "../ui/values";
import { numberOf, type ShownMedia } from "./items";
import styles from "./MediaView.module.css";

/** What is not drawn, why, and the file itself. */
export function MediaDownload({ item, note }: { item: ShownMedia; note: string }) {
  const size = numberOf(item.about.size);
  return (
    <div className={styles.note}>
      <p>{note}</p>
      {item.url !== null && (
        <a href={localUrl(item.url)} download={nameOf(item.path ?? "file")}>
          <Icon name="download" size={14} /> {nameOf(item.path ?? "Download")}
        </a>
      )}{" "}
      {size !== null && <Bytes value={size} />}
    </div>
  );
}
