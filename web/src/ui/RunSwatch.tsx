import { getOwnSlot, getSlotStyle } from "../core/color";
import { useScheme } from "../theme/theme";
import styles from "./RunSwatch.module.css";

/** The colour a run has when it is alone on screen, or the one it was given. */
export function RunSwatch({ run, color }: { run: string; color?: string | null | undefined }) {
  const scheme = useScheme();
  const background = color ?? getSlotStyle(getOwnSlot(run), scheme).color;
  return <span className={styles.swatch} style={{ background }} aria-hidden="true" />;
}
