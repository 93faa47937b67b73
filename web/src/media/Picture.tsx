import { type CSSProperties, useEffect, useRef, useState } from "react";
import type { JsonValue } from "../api/types";
import { localUrl, nameOf } from "../ui/preview/fileContent";
import { readBoxes, readClasses, type ShownMedia, sizeOf } from "./items";
import { addressOf, classColor, drawMask, useBoxLayer } from "./layers";
import styles from "./Picture.module.css";

export interface Overlays {
  boxes: boolean;
  masks: boolean;
  /** Names of layers that are off. */
  hidden?: ReadonlySet<string>;
}

export const NO_OVERLAYS: Overlays = { boxes: false, masks: false };

interface PictureProps {
  item: ShownMedia;
  overlays: Overlays;
  /** The file itself instead of the small picture that the server makes of it. */
  isLarge?: boolean;
  hasLabels?: boolean;
}

export function labelOfItem({ caption, path }: ShownMedia): string {
  return caption ?? (path === null ? "Logged value" : nameOf(path));
}

/** A picture with its boxes and masks over it. */
export function Picture({ item, overlays, isLarge = false, hasLabels = false }: PictureProps) {
  const [isBroken, setBroken] = useState(false);
  const [natural, setNatural] = useState<{ width: number; height: number } | null>(null);
  const source = isLarge ? item.url : (item.thumbnail_url ?? item.url);
  if (source === null) return <span className={styles.missing}>Not uploaded yet</span>;
  if (isBroken) return <span className={styles.missing}>The picture cannot be shown</span>;
  const size = sizeOf(item) ?? natural;
  const isOn = (name: string) => overlays.hidden?.has(name) !== true;
  return (
    <span className={styles.frame} style={size === null ? undefined : shapeOf(size)}>
      <img
        className={styles.image}
        src={localUrl(source)}
        alt={labelOfItem(item)}
        loading="lazy"
        decoding="async"
        {...(size ?? {})}
        onError={() => setBroken(true)}
        onLoad={({ currentTarget: { naturalWidth, naturalHeight } }) => {
          if (size === null) setNatural({ width: naturalWidth, height: naturalHeight });
        }}
      />
      {overlays.masks &&
        Object.entries(item.masks).map(
          ([name, layer]) => isOn(name) && <Mask key={name} url={addressOf(layer)} />,
        )}
      {overlays.boxes &&
        size !== null &&
        Object.entries(item.boxes).map(
          ([name, layer]) =>
            isOn(name) && <Boxes key={name} layer={layer} size={size} hasLabels={hasLabels} />,
        )}
    </span>
  );
}

function shapeOf({ width, height }: { width: number; height: number }): CSSProperties {
  return { aspectRatio: `${width} / ${height}`, "--ratio": width / height } as CSSProperties;
}

function Mask({ url }: { url: string | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current;
    if (element === null || url === null) return;
    const abort = new AbortController();
    // A mask that cannot be read leaves the picture as it is.
    drawMask(element, url, abort.signal).catch(() => undefined);
    return () => abort.abort();
  }, [url]);
  // biome-ignore lint/a11y/noAriaHiddenOnFocusable: nothing here can have the focus
  return <canvas ref={canvas} className={styles.layer} aria-hidden="true" />;
}

interface BoxesProps {
  layer: JsonValue;
  size: { width: number; height: number };
  hasLabels: boolean;
}

function Boxes({ layer, size, hasLabels }: BoxesProps) {
  const content = useBoxLayer(layer, true);
  if (content === undefined) return null;
  const boxes = readBoxes(content, { ...readClasses(content), ...readClasses(layer) }, size);
  return (
    <span className={styles.layer}>
      {boxes.map((box, index) => (
        <span
          // biome-ignore lint/suspicious/noArrayIndexKey: boxes have no identity but their place
          key={index}
          className={styles.box}
          title={box.label}
          style={{
            left: `${100 * box.x}%`,
            top: `${100 * box.y}%`,
            width: `${100 * box.width}%`,
            height: `${100 * box.height}%`,
            borderColor: classColor(box.classId),
          }}
        >
          {hasLabels && box.label !== "" && (
            <span className={styles.label} style={{ background: classColor(box.classId) }}>
              {box.label}
            </span>
          )}
        </span>
      ))}
    </span>
  );
}
