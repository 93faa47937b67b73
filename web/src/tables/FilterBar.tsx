import { type FormEvent, useId, useState } from "react";
import type { TableColumn } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Input } from "../ui/Input";
import { Select } from "../ui/Select";
import styles from "./FilterBar.module.css";
import {
  type Condition,
  describeCondition,
  labelOf,
  type Operator,
  operatorsOf,
  parseValue,
  takesValue,
  textOf,
} from "./filterModel";

/** Which condition is being written: one of the list, or a new one on a column. */
export interface Editing {
  index: number | null;
  column: string;
}

interface FilterBarProps {
  columns: readonly TableColumn[];
  conditions: readonly Condition[];
  editing: Editing | null;
  onEdit: (editing: Editing | null) => void;
  onChange: (conditions: Condition[]) => void;
}

/** The conditions as chips, all of which a row must pass, and the form for one of them. */
export function FilterBar({ columns, conditions, editing, onEdit, onChange }: FilterBarProps) {
  const put = (condition: Condition) => {
    const index = editing?.index ?? null;
    onChange(
      index === null
        ? [...conditions, condition]
        : conditions.map((old, i) => (i === index ? condition : old)),
    );
    onEdit(null);
  };
  if (conditions.length === 0 && editing === null) return null;
  return (
    <div className={styles.bar}>
      {conditions.length > 0 && (
        <ul className={styles.chips} aria-label="Filters">
          {conditions.map((condition, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: equal conditions are alike
            <li key={index}>
              <button
                type="button"
                className={styles.chip}
                title="Change this filter"
                onClick={() => onEdit({ index, column: condition.column })}
              >
                {describeCondition(condition)}
              </button>
              <button
                type="button"
                className={styles.remove}
                aria-label={`Remove the filter ${describeCondition(condition)}`}
                onClick={() => onChange(conditions.filter((_, i) => i !== index))}
              >
                <Icon name="x" size={10} />
              </button>
            </li>
          ))}
          {conditions.length > 1 && (
            <li>
              <Button look="ghost" onClick={() => onChange([])}>
                Clear filters
              </Button>
            </li>
          )}
        </ul>
      )}
      {editing !== null && (
        <FilterForm
          key={`${editing.index} ${editing.column}`}
          columns={columns}
          column={editing.column}
          condition={editing.index === null ? null : (conditions[editing.index] ?? null)}
          onPut={put}
          onClose={() => onEdit(null)}
        />
      )}
    </div>
  );
}

interface FilterFormProps {
  columns: readonly TableColumn[];
  column: string;
  condition: Condition | null;
  onPut: (condition: Condition) => void;
  onClose: () => void;
}

const TRUTHS = [
  { value: "true", label: "true" },
  { value: "false", label: "false" },
] as const;

function FilterForm({ columns, column: first, condition, onPut, onClose }: FilterFormProps) {
  const id = useId();
  const [name, setName] = useState(first);
  const type = columns.find((column) => column.name === name)?.type ?? "string";
  const operators = operatorsOf(type);
  const [wanted, setOperator] = useState<Operator>(condition?.op ?? operators[0] ?? "=");
  const op = operators.includes(wanted) ? wanted : (operators[0] ?? "=");
  const [text, setText] = useState(condition === null ? "" : textOf(condition.value));
  const [problem, setProblem] = useState<string | null>(null);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const parsed = parseValue(type, op, text);
    if ("problem" in parsed) setProblem(parsed.problem);
    else onPut({ column: name, op, value: parsed.value });
  };
  return (
    <form
      className={styles.form}
      aria-label={condition === null ? "New filter" : "Change filter"}
      onSubmit={submit}
      onKeyDown={(event) => event.key === "Escape" && onClose()}
    >
      <Select
        label="Column"
        value={name}
        choices={columns.map((column) => ({ value: column.name, label: column.name }))}
        onChoose={setName}
      />
      <Select
        label="Condition"
        isLabelHidden
        value={op}
        choices={operators.map((value) => ({ value, label: labelOf(value) }))}
        onChoose={setOperator}
      />
      {takesValue(op) &&
        (type === "boolean" ? (
          <Select
            label="Value"
            isLabelHidden
            value={text === "false" ? "false" : "true"}
            choices={TRUTHS}
            onChoose={setText}
          />
        ) : (
          <Input
            className={styles.value}
            aria-label="Value"
            placeholder={hintFor(type, op)}
            value={text}
            autoFocus
            aria-invalid={problem !== null || undefined}
            aria-describedby={problem === null ? undefined : id}
            onChange={(event) => {
              setText(event.currentTarget.value);
              setProblem(null);
            }}
          />
        ))}
      <Button look="primary" type="submit">
        Apply
      </Button>
      <IconButton icon="x" label="Close the filter" onClick={onClose} />
      {problem !== null && (
        <p id={id} className={styles.problem} role="alert">
          {problem}
        </p>
      )}
    </form>
  );
}

function hintFor(type: TableColumn["type"], op: Operator): string {
  if (op === "between") return "0.1, 0.5";
  if (op === "in") return type === "number" ? "1, 2, 3" : "one, two";
  if (op.endsWith("regex")) return "^(yes|no)$";
  if (type === "datetime") return "2026-11-21T12:00";
  return type === "number" ? "0.5" : "text";
}
