import type { ReactNode } from "react";
import { Link } from "react-router";
import { formatValue } from "~/charts/format";
import { LinkButton } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { formatDuration, formatTime } from "~/ui/format";
import { runPath } from "~/ui/paths";
import type { SweepPlace, TrialColumns } from "./data";
import { OUTCOME_LOOKS } from "./outcomes";
import styles from "./TrialDialog.module.css";
import { formatMetric, formatParameter } from "./trialTable";

interface TrialDialogProps {
  place: SweepPlace;
  columns: TrialColumns;
  row: number;
  onClose: () => void;
}

/** One trial: why it was tried, what became of it, and all its values. */
export function TrialDialog({ place, columns, row, onClose }: TrialDialogProps) {
  const outcome = columns.outcomes[row] ?? "waiting";
  const hasRun = columns.runStates[row] != null;
  const { entity, project } = place;
  return (
    <Dialog
      isOpen
      title={`Trial ${columns.ids[row]}: ${columns.names[row]}`}
      description={columns.reasons[row] || "Nothing was said about why this configuration."}
      onClose={onClose}
      footer={
        hasRun && (
          <LinkButton
            look="primary"
            to={runPath({ entity, project, run: columns.runs[row] ?? "" }, "overview")}
          >
            Open the run
          </LinkButton>
        )
      }
    >
      <dl className={styles.facts}>
        <Fact name="State">{OUTCOME_LOOKS[outcome].label}</Fact>
        <Fact name="Stopped because">{columns.stopReasons[row]}</Fact>
        {columns.metrics.map((metric) => (
          <Fact key={metric.name} name={metric.name}>
            {formatMetric(metric, row)}
          </Fact>
        ))}
        <Fact name="Expected">{expectedText(columns, row)}</Fact>
        <Fact name="Duration">{numberText(columns.durationS, row, formatDuration)}</Fact>
        <Fact name="Began">{numberText(columns.startedUs, row, formatTime)}</Fact>
        <Fact name="Cost">{numberText(columns.usd, row, (usd) => `$${formatValue(usd)}`)}</Fact>
        <Fact name="GPU hours">{numberText(columns.gpuHours, row, formatValue)}</Fact>
        <Fact name="Host">{columns.hosts[row]}</Fact>
        <Fact name="GPU">{columns.gpus[row]}</Fact>
        <Fact name="Slurm">{slurmText(columns, row)}</Fact>
        <Fact name="Agent">{columns.agents[row]}</Fact>
        <Fact name="Attempts">{(columns.attempts[row] ?? 1) > 1 && columns.attempts[row]}</Fact>
        <Fact name="Configuration">version {columns.configVersions[row]}</Fact>
      </dl>
      <FoldRuns place={place} runs={columns.runsOf[row] ?? []} />
      <h3 className={styles.title}>Parameters</h3>
      <dl className={styles.facts}>
        {columns.parameters
          .filter(({ numbers }) => !Number.isNaN(numbers[row] as number))
          .map((parameter) => (
            <Fact key={parameter.name} name={parameter.name}>
              {formatParameter(parameter, row)}
            </Fact>
          ))}
      </dl>
    </Dialog>
  );
}

/** Of folds and seeds each has a run of its own. */
function FoldRuns({
  place: { entity, project },
  runs,
}: {
  place: SweepPlace;
  runs: readonly string[];
}) {
  if (runs.length < 2) return null;
  return (
    <>
      <h3 className={styles.title}>Its {runs.length} runs</h3>
      <ul className={styles.runs} aria-label="Runs of the trial">
        {runs.map((run) => (
          <li key={run}>
            <Link to={runPath({ entity, project, run }, "overview")}>{run}</Link>
          </li>
        ))}
      </ul>
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  if (children === null || children === undefined || children === false || children === "") {
    return null;
  }
  return (
    <>
      <dt title={name}>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function numberText(
  numbers: Float64Array,
  row: number,
  format: (value: number) => string,
): string | null {
  const value = numbers[row] as number;
  return Number.isNaN(value) ? null : format(value);
}

function expectedText({ expectedMean, expectedStd }: TrialColumns, row: number): string | null {
  const [mean, std] = [expectedMean[row] as number, expectedStd[row] as number];
  if (Number.isNaN(mean)) return null;
  return Number.isNaN(std) ? formatValue(mean) : `${formatValue(mean)} ± ${formatValue(std)}`;
}

function slurmText({ slurmJobs, slurmTasks }: TrialColumns, row: number): string | null {
  const [job, task] = [slurmJobs[row], slurmTasks[row]];
  if (job === null || job === undefined) return null;
  return task === null || task === undefined ? `job ${job}` : `job ${job}, task ${task}`;
}
