import { Link } from "react-router";
import { pathOf } from "~/api/client";
import type { Causes, InputChange, RunHead, ValueChange } from "~/api/types";
import { Card } from "~/ui/Card";
import styles from "./DiffTab.module.css";
import { MetricChangesCard, ValueChangesCard } from "./DiffValues";
import { RunLink } from "./RunLink";

/** What changed between the runs that logged the versions: what went in, and what came out. */
export function CausesSection({ causes }: { causes: Causes }) {
  const { run_from: from, run_to: to } = causes;
  if (from === null && to === null) {
    return (
      <p className={styles.none}>Neither version was logged by a run, so no cause is known.</p>
    );
  }
  const code = listCodeChanges(causes.code);
  const areas = [
    { name: "Inputs", count: causes.inputs.length },
    { name: "Config", count: causes.config.length },
    { name: "Code", count: code.length },
    { name: "Environment", count: causes.environment.length },
    { name: "Metrics", count: causes.metrics.length },
  ];
  return (
    <section className={styles.causes} aria-labelledby="causes">
      <h2 id="causes">What changed between the runs</h2>
      <p className={styles.runs}>
        <RunOrNone run={from} />
        <span aria-hidden="true">→</span>
        <RunOrNone run={to} />
      </p>
      {from !== null && to !== null && from.name === to.name && from.project === to.project ? (
        <p className={styles.none}>
          One run logged both, so inputs, code and settings are the same.
        </p>
      ) : (
        <ul className={styles.summary} aria-label="What changed">
          {areas.map(({ name, count }) => (
            <li key={name} data-changed={count > 0 || undefined}>
              {name}: {count === 0 ? "the same" : `${count.toLocaleString("en-US")} changed`}
            </li>
          ))}
        </ul>
      )}
      {causes.inputs.length > 0 && <InputsCard inputs={causes.inputs} run={to ?? from} />}
      {causes.config.length > 0 && (
        <ValueChangesCard title="Config" changes={causes.config} empty="" />
      )}
      {code.length > 0 && <ValueChangesCard title="Code" changes={code} empty="" />}
      {causes.environment.length > 0 && (
        <ValueChangesCard title="Environment" changes={causes.environment} empty="" />
      )}
      {causes.metrics.length > 0 && <MetricChangesCard changes={causes.metrics} />}
    </section>
  );
}

function RunOrNone({ run }: { run: RunHead | null }) {
  return run === null ? <span>no run</span> : <RunLink run={run} withState />;
}

function InputsCard({ inputs, run }: { inputs: readonly InputChange[]; run: RunHead | null }) {
  return (
    <Card title="Inputs" count={inputs.length}>
      <table className={styles.table} aria-label="Inputs">
        <thead>
          <tr>
            <th scope="col">Artifact</th>
            <th scope="col">Type</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {inputs.map((input) => (
            <tr key={`${input.type} ${input.name}`}>
              <th scope="row">{input.name}</th>
              <td>{input.type}</td>
              <td>
                <InputVersion input={input} version={input.before} run={run} />
              </td>
              <td>
                <InputVersion input={input} version={input.after} run={run} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

interface InputVersionProps {
  input: InputChange;
  version: string | null;
  run: RunHead | null;
}

/** `name` is that of a collection in the run's project, or "entity/project/name". */
function InputVersion({ input, version, run }: InputVersionProps) {
  if (version === null) return <span className={styles.absent}>not used</span>;
  const parts = input.name.split("/");
  const [entity, project] = parts.length === 3 ? parts : [run?.entity, run?.project];
  if (entity === undefined || project === undefined) return version;
  const name = parts.at(-1) ?? input.name;
  return (
    <Link to={pathOf(entity, project, "artifacts", input.type, name, version)}>{version}</Link>
  );
}

function listCodeChanges(code: Causes["code"]): ValueChange[] {
  if (code === null) return [];
  const say = (isDirty: boolean | null) =>
    isDirty === null ? null : isDirty ? "changed since the commit" : "as committed";
  const pairs: ValueChange[] = [
    { key: "commit", before: code.commit_before, after: code.commit_after },
    { key: "working copy", before: say(code.dirty_before), after: say(code.dirty_after) },
    { key: "program", before: code.program_before, after: code.program_after },
  ];
  return pairs.filter(({ before, after }) => before !== after);
}
