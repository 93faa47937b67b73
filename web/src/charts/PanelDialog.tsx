import { Dialog as Radix } from "radix-ui";
import { type ReactNode, useEffect, useState } from "react";
import { IconButton } from "~/ui/Button";
import styles from "./PanelDialog.module.css";

interface PanelDialogProps {
  title: string;
  onClose: () => void;
  children: (width: number, height: number) => ReactNode;
}

const MARGIN_PX = 48;
const NARROW_MARGIN_PX = 8;

/** One panel over the whole window. */
export default function PanelDialog({ title, onClose, children }: PanelDialogProps) {
  const [size, setSize] = useState(getSize);
  useEffect(() => {
    const follow = () => setSize(getSize());
    addEventListener("resize", follow);
    return () => removeEventListener("resize", follow);
  }, []);
  return (
    <Radix.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={styles.overlay} />
        <Radix.Content className={styles.dialog} aria-describedby={undefined}>
          <Radix.Title className="visually-hidden">{title}</Radix.Title>
          {children(size.width, size.height)}
          <Radix.Close asChild>
            <IconButton icon="x" label="Close" className={styles.close} />
          </Radix.Close>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function getSize() {
  const margin = innerWidth < 640 ? NARROW_MARGIN_PX : MARGIN_PX;
  return { width: innerWidth - 2 * margin, height: innerHeight - 2 * margin };
}
