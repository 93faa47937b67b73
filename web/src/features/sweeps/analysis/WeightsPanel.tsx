import { useMemo, useState } from "react";
import { countOf, formatValue } from "~/charts/format";
import { Button } from "~/ui/Button";
import { Card } from "~/ui/Card";
import { Field } from "~/ui/Input";
import { Select } from "~/ui/Select";
import { useToast } from "~/ui/Toast";
import type { SweepPlace, TrialColumns } from "../data";
import type { TrialSelection } from "../selection";
import { type Expression, ExpressionProblem, parseExpression } from "./expression";
import { useLogged, useSaveWeighting, useWeightings } from "./queries";
import styles from "./WeightsPanel.module.css";
import { evaluateTerms, rankRows, splitTerms, type Term, weigh } from "./weighting";

const SHOWN = 10;
const RANGE = 2; // a slider goes to this many times the weight it began with

interface WeightsPanelProps {
  place: SweepPlace;
  columns: TrialColumns;
  rows: Int32Array;
  selection: TrialSelection;
  ended: number;
  onOpen: (row: number) => void;
}

type Goal = "minimize" | "maximize";

/** A composite metric whose weights can be moved: the order of the trials follows at once. */
export function WeightsPanel(props: WeightsPanelProps) {
  const { place, columns, ended } = props;
  const own = useMemo(() => ownExpression(columns), [columns]);
  const [text, setText] = useState(own.text);
  const [weights, setWeights] = useState<readonly number[] | null>(null);
  const [goal, setGoal] = useState<Goal>(own.goal);
  const parsed = useMemo(() => tryParse(text), [text]);
  const names = parsed.expression?.names ?? [];
  const logged = useLogged(place, names, ended);
  const saved = useWeightings(place);
  const terms = useMemo(
    () => (parsed.expression === null ? [] : splitTerms(parsed.expression)),
    [parsed],
  );
  const current = weights?.length === terms.length ? weights : terms.map(({ weight }) => weight);
  const known = [
    ...new Set([...(logged.data?.known ?? []), ...columns.metrics.map((m) => m.name)]),
  ];
  return (
    <Card
      title="Weigh metrics anew"
      action={
        (saved.data?.items.length ?? 0) > 0 ? (
          <Select
            label="saved"
            value=""
            choices={[
              { value: "", label: "choose…" },
              ...(saved.data?.items ?? []).map(({ name }) => ({ value: name, label: name })),
            ]}
            onChoose={(name) => {
              const found = saved.data?.items.find((each) => each.name === name);
              if (found === undefined) return;
              const formula = found.expression ?? found.formula ?? text;
              setText(formula);
              setWeights(found.expression === null ? null : weightsOf(formula, found.weights));
              if (found.goal !== null) setGoal(found.goal);
            }}
          />
        ) : undefined
      }
    >
      <div className={styles.panel}>
        <Field
          label="Score"
          value={text}
          error={parsed.problem}
          help={`Names: ${known.slice(0, 12).join(", ") || "no run has logged a number yet"}`}
          onChange={(event) => {
            setText(event.currentTarget.value);
            setWeights(null);
          }}
        />
        <div className={styles.sliders}>
          {terms.map((term, i) => (
            <Slider
              // biome-ignore lint/suspicious/noArrayIndexKey: summands are their place, and two may be alike
              key={i}
              term={term}
              weight={current[i] ?? 0}
              onWeight={(weight) => setWeights(current.with(i, weight))}
            />
          ))}
        </div>
        <div className={styles.actions}>
          <Select
            label="best is"
            value={goal}
            choices={[
              { value: "maximize", label: "the largest" },
              { value: "minimize", label: "the smallest" },
            ]}
            onChoose={setGoal}
          />
          {weights !== null && (
            <Button look="ghost" onClick={() => setWeights(null)}>
              Reset weights
            </Button>
          )}
          {parsed.expression !== null && !saved.isError && (
            <Save place={place} expression={parsed.expression} {...{ terms, current, goal }} />
          )}
        </div>
        {parsed.expression !== null && (
          <Leaderboard {...props} {...{ terms, current, goal }} logged={logged.data} />
        )}
      </div>
    </Card>
  );
}

function Slider({
  term,
  weight,
  onWeight,
}: {
  term: Term;
  weight: number;
  onWeight: (weight: number) => void;
}) {
  const reach = Math.max(Math.abs(term.weight) * RANGE, 1e-6);
  return (
    <label className={styles.slider}>
      <span title={term.text}>{term.text}</span>
      <input
        type="range"
        min={-reach}
        max={reach}
        step={reach / 200}
        value={weight}
        onChange={(event) => onWeight(Number(event.currentTarget.value))}
      />
      <output>{formatValue(Number(weight.toPrecision(3)))}</output>
    </label>
  );
}

interface LeaderboardProps extends WeightsPanelProps {
  terms: readonly Term[];
  current: readonly number[];
  goal: Goal;
  logged: ReturnType<typeof useLogged>["data"];
}

function Leaderboard(props: LeaderboardProps) {
  const { columns, rows, selection, terms, current, goal, logged, onOpen } = props;
  const count = rows.length;
  // The terms cost a millisecond for a thousand trials, their sum a tenth: a slider only moves the sum.
  const values = useMemo(
    () => evaluateTerms(terms, valuesOf(columns, rows, logged), count),
    [terms, columns, rows, logged, count],
  );
  const [scores, ranked] = useMemo(() => {
    const sums = weigh(values, current, count);
    return [sums, rankRows(sums, goal)];
  }, [values, current, count, goal]);
  const before = useMemo(() => rankOfSearch(columns, rows), [columns, rows]);
  const without = scores.reduce((sum, score) => sum + (Number.isNaN(score) ? 1 : 0), 0);
  if (without === count) {
    return <p className={styles.note}>No trial has all that this score needs.</p>;
  }
  return (
    <>
      <table className={styles.board}>
        <thead>
          <tr>
            <th scope="col">Rank</th>
            <th scope="col">Trial</th>
            <th scope="col">Score</th>
            <th scope="col">By the search</th>
          </tr>
        </thead>
        <tbody>
          {Array.from(ranked.slice(0, SHOWN))
            .filter((at) => !Number.isNaN(scores[at] as number))
            .map((at, rank) => {
              const row = rows[at] as number;
              const old = before.get(row);
              return (
                <tr
                  key={columns.runs[row]}
                  onPointerEnter={() => selection.hover(columns.ids[row] ?? null)}
                  onPointerLeave={() => selection.hover(null)}
                >
                  <td>{rank + 1}</td>
                  <th scope="row">
                    <button type="button" onClick={() => onOpen(row)}>
                      {columns.names[row]}
                    </button>
                  </th>
                  <td>{formatValue(Number((scores[at] as number).toPrecision(6)))}</td>
                  <td>{old === undefined ? "–" : describeMove(old, rank + 1)}</td>
                </tr>
              );
            })}
        </tbody>
      </table>
      {without > 0 && (
        <p className={styles.note}>{countOf(without, "trial")} without all values are left out.</p>
      )}
    </>
  );
}

function Save({
  place,
  expression,
  terms,
  current,
  goal,
}: {
  place: SweepPlace;
  expression: Expression;
  terms: readonly Term[];
  current: readonly number[];
  goal: Goal;
}) {
  const [name, setName] = useState("");
  const save = useSaveWeighting(place);
  const toast = useToast();
  const saved = useWeightings(place);
  // The search goes by the default one: saving it anew does not change that it does.
  const isDefault = saved.data?.items.find((each) => each.name === name)?.is_default ?? false;
  return (
    <form
      className={styles.save}
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(
          {
            name,
            expression: expression.text,
            weights: Object.fromEntries(terms.map(({ text }, i) => [text, current[i] ?? 0])),
            goal,
            is_default: isDefault,
          },
          {
            onSuccess: () => toast({ text: `Saved ${name}` }),
            onError: (error) => toast({ text: error.message, tone: "error" }),
          },
        );
      }}
    >
      <input
        aria-label="Name of the weighting"
        placeholder="name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button type="submit" isBusy={save.isPending} disabled={name.trim() === ""}>
        Save
      </Button>
    </form>
  );
}

/** The composite of the configuration, or all its metrics by their scores. */
function ownExpression({ metrics }: TrialColumns): { text: string; goal: Goal } {
  const composite = metrics.find(({ expression }) => expression !== null);
  if (composite?.expression != null) return { text: composite.expression, goal: composite.goal };
  const parts = metrics.map(({ name, goal }, i) => {
    const sign = goal === "minimize" ? "-" : i === 0 ? "" : "+";
    return `${i === 0 ? sign : ` ${sign} `}1*zscore(${quoteName(name)})`;
  });
  return { text: parts.join(""), goal: "maximize" };
}

function quoteName(name: string): string {
  const isWord = /^[\p{L}_][\p{L}\p{N}_]*(\.[\p{L}\p{N}_]+)*$/u.test(name);
  return isWord ? name : `\`${name}\``;
}

function tryParse(text: string): { expression: Expression | null; problem: string | null } {
  try {
    return { expression: parseExpression(text), problem: null };
  } catch (problem) {
    if (!(problem instanceof ExpressionProblem)) throw problem;
    return { expression: null, problem: `${problem.message} (character ${problem.at + 1})` };
  }
}

function weightsOf(text: string, weights: Readonly<Record<string, number>>): number[] | null {
  const { expression } = tryParse(text);
  if (expression === null) return null;
  return splitTerms(expression).map(({ text: term, weight }) => weights[term] ?? weight);
}

/** What the score may name: metrics of the search, what else runs logged, and parameters. */
function valuesOf(
  columns: TrialColumns,
  rows: Int32Array,
  logged: LeaderboardProps["logged"],
): Map<string, unknown[]> {
  const values = new Map<string, unknown[]>();
  const pick = (numbers: ArrayLike<number>) => Array.from(rows, (row) => numbers[row]);
  for (const { name, labels, numbers } of columns.parameters) {
    const cells = pick(numbers);
    values.set(name, labels.length > 0 ? cells.map((at) => labels[at ?? -1] ?? null) : cells);
  }
  for (const [name, numbers] of columns.measured) values.set(name, pick(numbers));
  values.set("seconds", pick(columns.durationS));
  if (logged !== undefined) {
    const placeOf = new Map(logged.runs.map((run, at) => [run, at]));
    const places = Array.from(rows, (row) => placeOf.get(columns.runs[row] ?? ""));
    for (const [name, cells] of Object.entries(logged.values)) {
      values.set(
        name,
        places.map((at) => (at === undefined ? null : cells[at])),
      );
    }
  }
  for (const { name, numbers } of columns.metrics) values.set(name, pick(numbers));
  return values;
}

/** Row to rank by the first metric of the search. */
function rankOfSearch(columns: TrialColumns, rows: Int32Array): Map<number, number> {
  const metric = columns.metrics[0];
  if (metric === undefined) return new Map();
  const numbers = Float64Array.from(rows, (row) => metric.numbers[row] as number);
  const ranked = rankRows(numbers, metric.goal);
  const known = Array.from(ranked).filter((at) => !Number.isNaN(numbers[at] as number));
  return new Map(known.map((at, rank) => [rows[at] as number, rank + 1]));
}

function describeMove(old: number, now: number): string {
  if (old === now) return `${old}`;
  return `${old} ${old > now ? "▲" : "▼"} ${Math.abs(old - now)}`;
}
