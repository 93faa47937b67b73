import { Dialog as Radix } from "radix-ui";
import { type KeyboardEvent, useState } from "react";
import { IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { localUrl, nameOf } from "../ui/preview/fileContent";
import { readClasses, type ShownMedia, sizeOf } from "./items";
import { classColor } from "./layers";
import { hasViewer, MediaView } from "./MediaView";
import { labelOfItem, Picture } from "./Picture";
import styles from "./PictureDialog.module.css";

interface PictureDialogProps {
  items: readonly ShownMedia[];
  at: number;
  onGo: (at: number) => void;
  onClose: () => void;
}

/** One picture, figure or thing in space as large as the window allows, its layers beside it; arrow keys go to its neighbours. */
export default function PictureDialog({ items, at, onGo, onClose }: PictureDialogProps) {
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const item = items[at];
  if (item === undefined) return null;
  const size = sizeOf(item);
  const noun = item.kind === "image" ? "picture" : "one";
  const layers = [
    ...Object.entries(item.boxes).map(([name, layer]) => ({ kind: "boxes", name, layer })),
    ...Object.entries(item.masks).map(([name, layer]) => ({ kind: "mask", name, layer })),
  ];
  const toggle = (name: string) =>
    setHidden((old) => {
      const next = new Set(old);
      if (!next.delete(name)) next.add(name);
      return next;
    });
  const onKeyDown = ({ key }: KeyboardEvent) => {
    if (item.kind !== "image") return; // Arrow keys turn it.
    if (key === "ArrowLeft" && at > 0) onGo(at - 1);
    if (key === "ArrowRight" && at < items.length - 1) onGo(at + 1);
  };
  return (
    <Radix.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={styles.overlay} />
        <Radix.Content className={styles.dialog} aria-describedby={undefined} onKeyDown={onKeyDown}>
          <header className={styles.header}>
            <Radix.Title className={styles.title}>{labelOfItem(item)}</Radix.Title>
            {size !== null && (
              <span className={styles.facts}>
                {size.width} × {size.height}
              </span>
            )}
            {items.length > 1 && (
              <>
                <IconButton
                  icon="chevronLeft"
                  label={`Previous ${noun}`}
                  disabled={at === 0}
                  onClick={() => onGo(at - 1)}
                />
                <span className={styles.facts}>
                  {at + 1} of {items.length}
                </span>
                <IconButton
                  icon="chevronRight"
                  label={`Next ${noun}`}
                  disabled={at === items.length - 1}
                  onClick={() => onGo(at + 1)}
                />
              </>
            )}
            {item.url !== null && (
              <a href={localUrl(item.url)} download={nameOf(item.path ?? "picture")}>
                <Icon name="download" size={14} /> Download
              </a>
            )}
            <Radix.Close asChild>
              <IconButton icon="x" label="Close" />
            </Radix.Close>
          </header>
          <div className={styles.body}>
            <div className={styles.picture} data-viewer={hasViewer(item) || undefined}>
              {hasViewer(item) ? (
                <MediaView key={item.path ?? at} item={item} width={800} height={480} />
              ) : (
                <Picture
                  key={item.path ?? at}
                  item={item}
                  overlays={{ boxes: true, masks: true, hidden }}
                  isLarge
                  hasLabels
                />
              )}
            </div>
            {layers.length > 0 && (
              <section className={styles.layers} aria-label="Layers">
                <h3>Layers</h3>
                {layers.map(({ kind, name, layer }) => (
                  <div key={`${kind} ${name}`}>
                    <label>
                      <input
                        type="checkbox"
                        checked={!hidden.has(name)}
                        onChange={() => toggle(name)}
                      />
                      {name} <span className={styles.facts}>{kind}</span>
                    </label>
                    <ul>
                      {Object.entries(readClasses(layer)).map(([id, label]) => (
                        <li key={id}>
                          <span
                            className={styles.swatch}
                            style={{ background: classColor(Number(id)) }}
                          />
                          {label}
                        </li>
                      ))}
                    </ul>
                  </div>
                ))}
              </section>
            )}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}
