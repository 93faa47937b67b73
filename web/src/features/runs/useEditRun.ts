import type { RunDetail, RunEdit } from "../../api/types";
import type { RunRef } from "../../ui/paths";
import { useToast } from "../../ui/Toast";
import { usePatchRun } from "./queries";

const WORDS: Record<keyof RunEdit, string> = {
  display_name: "Name",
  notes: "Notes",
  tags: "Tags",
  group: "Group",
};

/** Saves one field at once, offers to undo it, and says when the server refused. */
export function useEditRun(ref: RunRef, run: RunDetail) {
  const patch = usePatchRun(ref);
  const toast = useToast();

  const send = (change: RunEdit, onSaved?: () => void) =>
    patch.mutate(change, {
      onSuccess: onSaved,
      onError: (error) => toast({ text: `Not saved: ${error.message}`, tone: "error" }),
    });

  return function edit<F extends keyof RunEdit>(field: F, value: NonNullable<RunEdit[F]>): void {
    const before = (run[field] ?? "") as NonNullable<RunEdit[F]>;
    send({ [field]: value }, () =>
      toast({ text: `${WORDS[field]} saved.`, undo: () => send({ [field]: before }) }),
    );
  };
}
