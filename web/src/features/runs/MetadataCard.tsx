import type { ReactNode } from "react";
import { Link } from "react-router";
import type { JsonValue, RunDetail, RunMetadata } from "../../api/types";
import { countOf, groupDigits } from "../../charts/format";
import { Card } from "../../ui/Card";
import { CopyButton } from "../../ui/CopyButton";
import { formatTime } from "../../ui/format";
import { type RunRef, runPath } from "../../ui/paths";
import styles from "./MetadataCard.module.css";

/** Where, how and by whom the run was started. */
export function MetadataCard({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const metadata: RunMetadata = run.metadata ?? {};
  const command = commandOf(metadata);
  return (
    <Card title="About this run">
      <dl className={styles.list}>
        {command !== null && (
          <Fact name="Command">
            <span className={styles.copyable}>
              <code>{command}</code>
              <CopyButton text={command} label="Copy the command" />
            </span>
          </Fact>
        )}
        <TextFact name="Host" value={metadata.host} />
        <TextFact name="System" value={metadata.os} />
        <TextFact name="Python" value={metadata.python} />
        <TextFact name="GPU" value={describeGpu(metadata)} />
        {metadata.git != null && <GitFact git={metadata.git} />}
        <TextFact name="Group" value={run.group} />
        <TextFact name="Job type" value={run.job_type} />
        <TextFact name="Sweep" value={run.sweep} />
        <ForkFact runRef={runRef} run={run} />
        <TextFact name="Started" value={formatTime(run.created_at_us)} />
        {run.finished_at_us !== null && (
          <TextFact name="Ended" value={formatTime(run.finished_at_us)} />
        )}
        {run.exit_code !== null && <TextFact name="Exit code" value={String(run.exit_code)} />}
        <Fact name="Logged">
          {countOf(run.history_row_count, "row")} of history, {groupDigits(run.system_row_count)} of
          system metrics, {countOf(run.log_line_count, "log line")}
        </Fact>
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function TextFact({ name, value }: { name: string; value: string | null | undefined }) {
  return value === null || value === undefined || value === "" ? null : (
    <Fact name={name}>{value}</Fact>
  );
}

function GitFact({ git }: { git: NonNullable<RunMetadata["git"]> }) {
  const commit = git.commit ?? "";
  const remote = git.remote ?? "";
  if (commit === "" && remote === "") return null;
  return (
    <Fact name="Git">
      <span className={styles.copyable}>
        <span>
          {commit !== "" && <code title={commit}>{commit.slice(0, 10)}</code>}
          {git.branch ? ` on ${git.branch}` : ""}
          {git.dirty ? ", changed since (diff.patch)" : ""} {remote}
        </span>
        {commit !== "" && <CopyButton text={commit} label="Copy the commit" />}
      </span>
    </Fact>
  );
}

function ForkFact({ runRef, run }: { runRef: RunRef; run: RunDetail }) {
  const source = run.forked_from;
  if (source === null) return null;
  return (
    <Fact name="Forked from">
      <Link to={runPath({ ...runRef, run: source })}>{source}</Link>
    </Fact>
  );
}

function commandOf({ program, args }: RunMetadata): string | null {
  if (program === null || program === undefined || program === "") return null;
  return ["python", program, ...(args ?? []).map(quote)].join(" ");
}

function quote(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replace(/'/g, "'\\''")}'`;
}

/** "8 × NVIDIA H100" from a name and a count; lists and plain texts as they are. */
function describeGpu(metadata: RunMetadata): string | null {
  const name = textOf(metadata.gpu);
  const count = metadata.gpu_count;
  if (name === null) return null;
  return typeof count === "number" && count > 1 ? `${count} × ${name}` : name;
}

function textOf(value: JsonValue | undefined): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "number") return String(value);
  if (Array.isArray(value)) {
    const texts = value.map(textOf).filter((text) => text !== null);
    return texts.length === 0 ? null : [...new Set(texts)].join(", ");
  }
  if (typeof value === "object" && "name" in value) return textOf(value.name);
  return null;
}
