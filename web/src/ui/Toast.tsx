import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Button, IconButton } from "./Button";
import styles from "./Toast.module.css";

const SHOWN_MS = 8_000;
const SHOWN_MAX = 3;

export interface ToastMessage {
  text: string;
  tone?: "plain" | "error";
  undo?: () => void;
}

interface ShownToast extends ToastMessage {
  id: number;
}

const ToastContext = createContext<(message: ToastMessage) => void>(() => {});

/** Returns a function that shows a message in the corner for eight seconds. */
export function useToast(): (message: ToastMessage) => void {
  return useContext(ToastContext);
}

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly ShownToast[]>([]);
  const nextId = useRef(0);
  const show = useCallback((message: ToastMessage) => {
    const toast = { ...message, id: nextId.current++ };
    setToasts((shown) => [...shown, toast].slice(-SHOWN_MAX));
  }, []);
  const close = useCallback(
    (id: number) => setToasts((shown) => shown.filter((toast) => toast.id !== id)),
    [],
  );
  const list = useMemo(
    () => toasts.map((toast) => <ToastCard key={toast.id} toast={toast} onClose={close} />),
    [toasts, close],
  );
  return (
    <ToastContext value={show}>
      {children}
      <section className={styles.stack} aria-label="Notifications" aria-live="polite">
        {list}
      </section>
    </ToastContext>
  );
}

function ToastCard({ toast, onClose }: { toast: ShownToast; onClose: (id: number) => void }) {
  const { id, text, tone = "plain", undo } = toast;
  const [isHeld, setHeld] = useState(false);
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(() => onClose(id), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [id, isHeld, onClose]);
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: being read only keeps it on screen
    <div
      className={styles.toast}
      data-tone={tone}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span>{text}</span>
      {undo !== undefined && (
        <Button
          look="ghost"
          icon="undo"
          onClick={() => {
            undo();
            onClose(id);
          }}
        >
          Undo
        </Button>
      )}
      <IconButton icon="x" label="Dismiss" onClick={() => onClose(id)} />
    </div>
  );
}
