import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { Button, IconButton } from "./Button";
import styles from "./Dialog.module.css";

interface DialogProps {
  title: string;
  description?: ReactNode;
  isOpen: boolean;
  /** For what needs room, as a text to be edited. */
  isWide?: boolean;
  onClose: () => void;
  children?: ReactNode;
  footer?: ReactNode;
}

export function Dialog({
  title,
  description,
  isOpen,
  isWide = false,
  onClose,
  children,
  footer,
}: DialogProps) {
  return (
    <Radix.Root open={isOpen} onOpenChange={(next) => !next && onClose()}>
      <Radix.Portal>
        <Radix.Overlay className={styles.overlay} />
        <Radix.Content
          className={styles.dialog}
          data-wide={isWide || undefined}
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
        >
          <header>
            <Radix.Title className={styles.title}>{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton icon="x" label="Close" />
            </Radix.Close>
          </header>
          {description !== undefined && (
            <Radix.Description className={styles.description}>{description}</Radix.Description>
          )}
          {children}
          {footer !== undefined && <footer>{footer}</footer>}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface ConfirmDialogProps {
  title: string;
  description: ReactNode;
  action: string;
  isOpen: boolean;
  isBusy?: boolean;
  error?: string | null;
  onClose: () => void;
  onConfirm: () => void;
}

/** Asks before what cannot be undone. Cancel has the first focus, so Enter by habit destroys nothing. */
export function ConfirmDialog({
  action,
  isBusy = false,
  error = null,
  onConfirm,
  onClose,
  ...rest
}: ConfirmDialogProps) {
  return (
    <Dialog
      {...rest}
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose} autoFocus>
            Cancel
          </Button>
          <Button look="danger" isBusy={isBusy} onClick={onConfirm}>
            {action}
          </Button>
        </>
      }
    >
      {error !== null && (
        <p className={styles.error} role="alert">
          {error}
        </p>
      )}
    </Dialog>
  );
}
