import { type ReactNode, useEffect, useState } from "react";
import { Button, IconButton } from "./Button";
import { copyText } from "./clipboard";

interface CopyButtonProps {
  text: string;
  look?: "default" | "primary" | "ghost";
  /** Without children it is an icon with this label. */
  label?: string;
  children?: ReactNode;
}

/** Copies and says so for two seconds. */
export function CopyButton({ text, look = "default", label = "Copy", children }: CopyButtonProps) {
  const [outcome, setOutcome] = useState<"copied" | "failed" | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async () => setOutcome((await copyText(text)) ? "copied" : "failed");
  const icon = outcome === "copied" ? "check" : "copy";
  const said = outcome === "copied" ? "Copied" : outcome === "failed" ? "Copy failed" : null;
  return (
    <>
      {children === undefined ? (
        <IconButton icon={icon} label={said ?? label} onClick={copy} />
      ) : (
        <Button look={look} icon={icon} onClick={copy}>
          {said ?? children}
        </Button>
      )}
      <span className="visually-hidden" aria-live="polite">
        {said}
      </span>
    </>
  );
}
