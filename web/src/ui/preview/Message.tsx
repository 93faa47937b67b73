import styles from "./FilePreview.module.css";

export function Message({ text }: { text: string }) {
  return <p className={styles.message}>{text}</p>;
}
