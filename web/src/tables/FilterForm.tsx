import { type FormEvent, useId, useState } from "react";
import type { TableColumn } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Input } from "../ui/Input";
import { Select } from "../ui/Select";
import styles from "./FilterBar.module.css";
import type { Target } from "./filterGroups";
import {
  type Condition,
  labelOf,
  type Operator,
  operatorsOf,
  parseValue,
  takesValue,
  textOf,
} from "./filterModel";

interface FilterFormProps {
  columns: readonly TableColumn[];
  column: string;
  condition: Condition | null;
  to: Target;
  /** Where it may go; empty where that is settled. */
  places: readonly { to: Target; label: string }[];
  onPut: (condition: Condition, to: Target) => void;
  onClose: () => void;
}

const TRUTHS = [
  { value: "true", label: "true" },
  { value: "false", label: "false" },
] as const;

/** One condition: a column, how it is tested, and a value; and where it counts. */
export function FilterForm(props: FilterFormProps) {
  const { columns, column: first, condition, places, onPut, onClose } = props;
  const [to, setTo] = useState(props.to);
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
    else onPut({ column: name, op, value: parsed.value }, to);
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
      {places.length > 0 && (
        <Select
          label="Counts"
          value={String(to)}
          choices={places.map((place) => ({ value: String(place.to), label: place.label }))}
          onChoose={(text) =>
            setTo(places.find((place) => String(place.to) === text)?.to ?? "alone")
          }
        />
      )}
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
