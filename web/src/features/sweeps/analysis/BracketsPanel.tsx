import type { BracketRow, BracketsAnswer, StoppedRun } from "~/api/schema";
import { countOf, formatValue, groupDigits } from "~/charts/format";
import { Card } from "~/ui/Card";
import { EmptyState } from "~/ui/EmptyState";
import { ErrorCard } from "~/ui/ErrorCard";
import { SkeletonRows } from "~/ui/Skeleton";
import type { TrialColumns } from "../data";
import type { TrialSelection } from "../selection";
import styles from "./BracketsPanel.module.css";
import type { useBrackets } from "./queries";

const STOPPED_SHOWN_MAX = 100;

interface BracketsPanelProps {
  answer: ReturnType<typeof useBrackets>;
  columns: TrialColumns;
  selection: TrialSelection;
  onOpen: (row: number) => void;
}

/** Where early termination compares runs, and which it stopped with what reason. */
export function BracketsPanel({ answer, ...rest }: BracketsPanelProps) {
  return (
    <Card title="Early stopping" count={answer.data?.stopped.length ?? 0}>
      {answer.isError ? (
        <ErrorCard
          error={answer.error}
          title="Brackets could not be read"
          onRetry={answer.refetch}
        />
      ) : answer.data === undefined ? (
        <SkeletonRows count={6} label="Reading brackets" />
      ) : answer.data.rule === null ? (
        <EmptyState
          title="Every run goes on to its end"
          text={
            <>
              With <code>early_terminate: {"{type: hyperband, min_iter: 3}"}</code> in the
              configuration, runs that do badly are stopped early.
            </>
          }
        />
      ) : (
        <Brackets answer={answer.data} {...rest} />
      )}
    </Card>
  );
}

function Brackets({
  answer,
  columns,
  selection,
  onOpen,
}: Omit<BracketsPanelProps, "answer"> & { answer: BracketsAnswer }) {
  const most = Math.max(1, ...answer.brackets.map(({ reached }) => reached));
  return (
    <div className={styles.panel}>
      <p className={styles.note}>{describeBrackets(answer)}</p>
      {answer.brackets.length > 0 && (
        <table className={styles.brackets}>
          <thead>
            <tr>
              <th scope="col">Iteration</th>
              <th scope="col">Runs that got there</th>
              <th scope="col">Went on from</th>
              <th scope="col">Stopped</th>
            </tr>
          </thead>
          <tbody>
            {answer.brackets.map((bracket) => (
              <Bracket key={bracket.iteration} {...{ bracket, most }} goal={answer.goal} />
            ))}
          </tbody>
        </table>
      )}
      {answer.stopped.length > 0 && (
        <ul className={styles.stopped} aria-label="Stopped runs">
          {answer.stopped.slice(0, STOPPED_SHOWN_MAX).map((run) => (
            <Stopped key={run.run} {...{ run, columns, selection, onOpen }} />
          ))}
          {answer.stopped.length > STOPPED_SHOWN_MAX && (
            <li>and {groupDigits(answer.stopped.length - STOPPED_SHOWN_MAX)} more</li>
          )}
        </ul>
      )}
    </div>
  );
}

function Bracket({
  bracket: { iteration, threshold, reached, passed, stopped },
  most,
  goal,
}: {
  bracket: BracketRow;
  most: number;
  goal: string | null;
}) {
  return (
    <tr>
      <th scope="row">{groupDigits(iteration)}</th>
      <td>
        <span className={styles.reached}>
          <span className={styles.bar} title={`${passed} of ${reached} were good enough`}>
            <span className={styles.all} style={{ width: `${(reached / most) * 100}%` }} />
            <span className={styles.passed} style={{ width: `${(passed / most) * 100}%` }} />
          </span>
          {reached}
        </span>
      </td>
      <td>
        {threshold === null ? "–" : `${goal === "maximize" ? "≥" : "≤"} ${formatValue(threshold)}`}
      </td>
      <td>{stopped > 0 ? stopped : "–"}</td>
    </tr>
  );
}

function Stopped({
  run,
  columns,
  selection,
  onOpen,
}: Omit<BracketsPanelProps, "answer"> & { run: StoppedRun }) {
  const row = columns.ids.indexOf(run.index);
  return (
    <li
      onPointerEnter={() => selection.hover(run.index)}
      onPointerLeave={() => selection.hover(null)}
    >
      <button type="button" onClick={() => onOpen(row)} disabled={row < 0}>
        {row < 0 ? run.run : columns.names[row]}
      </button>{" "}
      after {countOf(run.iterations, "iteration")}: {run.reason}
    </li>
  );
}

function describeBrackets(answer: BracketsAnswer): string {
  const { rule, metric, stopped, runs, iterations, is_continuous, iterations_saved } = answer;
  const where = is_continuous
    ? `compares runs at every iteration from ${iterations[0] ?? 1} on`
    : "compares runs at the iterations below; bars are runs that got there, the strong part went on";
  const done =
    stopped.length === 0
      ? `No run of ${runs} was stopped yet.`
      : `${stopped.length} of ${countOf(runs, "run")} were stopped, which saved about ${groupDigits(iterations_saved)} iterations.`;
  const cut = answer.is_cut ? ` Only the first ${groupDigits(runs)} runs are looked at.` : "";
  return `${rule} on ${metric} ${where}. ${done}${cut}`;
}
