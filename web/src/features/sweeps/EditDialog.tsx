import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useId, useMemo, useState } from "react";
import { request } from "~/api/client";
import type { CheckedConfig } from "~/api/types";
import { countOf } from "~/charts/format";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { Icon } from "~/ui/Icon";
import { type SweepDetail, type SweepPlace, sweepsApi, usePatchSweep } from "./data";
import styles from "./EditDialog.module.css";
import { diffLines, onlyChanges } from "./lineDiff";

interface EditDialogProps {
  place: SweepPlace;
  sweep: SweepDetail;
  /** What the text begins with; another one than the sweep's is shown as a change. */
  text: string;
  /** What could not be done for somebody. */
  notes: readonly string[];
  onClose: () => void;
}

/** The configuration as text, what there is to say about it as it is written, and what changes. */
export function EditDialog({ place, sweep, text: first, notes, onClose }: EditDialogProps) {
  const [text, setText] = useState(first);
  const settled = useDeferredValue(text);
  const check = useCheck(place, settled);
  const patch = usePatchSweep(place);
  const id = useId();
  const isChanged = text !== sweep.config;
  const checked = check.data;
  const isStale = settled !== text || check.isPlaceholderData || check.isFetching;
  return (
    <Dialog
      isOpen
      isWide
      title="Edit what is searched"
      description="A new version of the configuration: what was tried stays, running trials go on as they began, and the next suggestion follows the new text."
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Leave it as it is</Button>
          <Button
            look="primary"
            isBusy={patch.isPending}
            disabled={!isChanged || checked?.is_valid === false}
            onClick={() => patch.mutate({ config: text }, { onSuccess: onClose })}
          >
            Save as version {sweep.config_version + 1}
          </Button>
        </>
      }
    >
      <div className={styles.body}>
        {notes.length > 0 && (
          <ul className={styles.notes} aria-label="Not narrowed">
            {notes.map((note) => (
              <li key={note}>
                <Icon name="warning" size={14} /> {note}
              </li>
            ))}
          </ul>
        )}
        <label htmlFor={id} className="visually-hidden">
          Configuration
        </label>
        <textarea
          id={id}
          className={styles.text}
          value={text}
          spellCheck={false}
          rows={Math.min(18, Math.max(8, text.split("\n").length + 1))}
          aria-describedby={`${id}-remarks`}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <div id={`${id}-remarks`} className={styles.remarks} aria-busy={isStale}>
          {check.isError ? (
            <p className={styles.error}>It could not be checked: {check.error.message}</p>
          ) : (
            <Remarks checked={checked} />
          )}
        </div>
        <Difference before={sweep.config} after={settled} />
        {patch.isError && (
          <p className={styles.error} role="alert">
            {patch.error.message}
          </p>
        )}
      </div>
    </Dialog>
  );
}

function useCheck(place: SweepPlace, config: string) {
  return useQuery({
    queryKey: ["sweep-check", place.entity, place.project, config],
    queryFn: ({ signal }) =>
      request<CheckedConfig>(`${sweepsApi(place.entity, place.project)}:check`, {
        method: "POST",
        body: { config },
        signal,
      }),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 10_000,
  });
}

const ICONS = { error: "x", warning: "warning", hint: "info" } as const;

function Remarks({ checked }: { checked: CheckedConfig | undefined }) {
  if (checked === undefined) return <p>Checking…</p>;
  const expected = checked.run_count_expected;
  return (
    <>
      <p className={checked.is_valid ? styles.good : styles.error} role="status">
        <Icon name={checked.is_valid ? "check" : "x"} size={14} />{" "}
        {checked.is_valid
          ? `This can be searched${expected === null ? "" : `: ${countOf(expected, "trial")} in all`}.`
          : "This cannot be searched."}
      </p>
      {checked.remarks.length > 0 && (
        <ul className={styles.list} aria-label="Remarks">
          {checked.remarks.map((remark) => (
            <li key={`${remark.path} ${remark.message}`} data-severity={remark.severity}>
              <Icon name={ICONS[remark.severity]} size={14} />
              <span>
                <span className="visually-hidden">{remark.severity}: </span>
                <code>{remark.path || "configuration"}</code>
                {remark.line !== null && ` (line ${remark.line})`}: {remark.message}
                {remark.suggestion != null && <em> {remark.suggestion}</em>}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

const SIGNS = { same: " ", added: "+", removed: "−" } as const;

function Difference({ before, after }: { before: string; after: string }) {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  if (lines === null) return <p>The texts are too long to be compared here.</p>;
  if (lines.every(({ kind }) => kind === "same")) {
    return <p className={styles.quiet}>Nothing is changed yet.</p>;
  }
  return (
    <section aria-label="What changes">
      <h3 className={styles.title}>What changes</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, also by keyboard */}
      <pre className={styles.diff} tabIndex={0}>
        {onlyChanges(lines).map((line, i) =>
          line === null ? (
            // biome-ignore lint/suspicious/noArrayIndexKey: gaps are their place
            <span key={`gap ${i}`} className={styles.gap}>
              ⋯
            </span>
          ) : (
            <span key={`${line.kind} ${line.line}`} data-kind={line.kind}>
              {SIGNS[line.kind]} {line.text}
              {"\n"}
            </span>
          ),
        )}
      </pre>
    </section>
  );
}
