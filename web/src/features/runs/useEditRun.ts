import type { RunDetail, RunPatch } from "../../api/types";
import type { RunRef } from "../../ui/paths";
import { useToast } from "../../ui/Toast";
import { usePatchRun } from "./queries";

const WORDS: Record<keyof RunPatch, string> = {
  display_name: "Name",
  notes: "Notes",
  tags: "Tags",
  group: "Group",
};

/** Saves one field at once, offers to undo it, and says when the server refused. */
export function useEditRun(ref: RunRef, run: RunDetail) {
  const patch = usePatchRun(ref);
  const toast = useToast();

  const send = (change: RunPatch, onSaved?: () => void) =>
    patch.mutate(change, {
      onSuccess: onSaved,
      onError: (error) => toast({ text: `Not saved: ${error.message}`, tone: "error" }),
    });

  return function edit<F extends keyof RunPatch>(field: F, value: NonNullable<RunPatch[F]>): void {
    const before = (run[field] ?? "") as NonNullable<RunPatch[F]>;
    send({ [field]: value }, () =>
      toast({ text: `${WORDS[field]} saved.`, undo: () => send({ [field]: before }) }),
    );
  };
}
