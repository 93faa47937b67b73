import type { ReactNode } from "react";
import type { TableColumn } from "../api/types";
import { Button, IconButton } from "../ui/Button";
import { Icon } from "../ui/Icon";
import { Select } from "../ui/Select";
import styles from "./FilterBar.module.css";
import { FilterForm } from "./FilterForm";
import {
  add,
  countConditions,
  describeClause,
  type Filter,
  find,
  type Group,
  isGroup,
  type Match,
  type Place,
  remove,
  replace,
  setMatch,
  type Target,
} from "./filterGroups";
import { type Condition, describeCondition } from "./filterModel";

/** Which condition is being written: the one of that place, or a new one on a column. */
export interface Editing {
  place: Place | null;
  column: string;
  /** Where a new one goes first. */
  to: Target;
}

export function newCondition(column: string): Editing {
  return { place: null, column, to: "alone" };
}

interface FilterBarProps {
  columns: readonly TableColumn[];
  filter: Filter;
  editing: Editing | null;
  onEdit: (editing: Editing | null) => void;
  onChange: (filter: Filter) => void;
}

const MATCHES: readonly { value: Match; label: string }[] = [
  { value: "all", label: "all of" },
  { value: "any", label: "any of" },
];

/** The conditions as chips, alone and in groups, and the form for one of them. */
export function FilterBar({ columns, filter, editing, onEdit, onChange }: FilterBarProps) {
  const { match, clauses } = filter;
  const put = (condition: Condition, to: Target) => {
    const place = editing?.place ?? null;
    onChange(place === null ? add(filter, condition, to) : replace(filter, place, condition));
    onEdit(null);
  };
  if (clauses.length === 0 && editing === null) return null;
  const chip = (condition: Condition, place: Place) => (
    <Chip
      condition={condition}
      onEdit={() => onEdit({ place, column: condition.column, to: "alone" })}
      onRemove={() => onChange(remove(filter, place))}
    />
  );
  return (
    <div className={styles.bar}>
      {clauses.length > 0 && (
        <ul className={styles.chips} aria-label="Filters">
          {clauses.length > 1 && (
            <li>
              <Select
                label="Rows pass"
                value={match}
                choices={MATCHES}
                onChoose={(next) => onChange(setMatch(filter, null, next))}
              />
            </li>
          )}
          {clauses.map((clause, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: equal clauses are alike
            <li key={index}>
              {isGroup(clause) ? (
                <GroupChips
                  group={clause}
                  chip={(condition, part) => chip(condition, { clause: index, part })}
                  onMatch={(next) => onChange(setMatch(filter, index, next))}
                  onAdd={() =>
                    onEdit({
                      place: null,
                      column: clause.conditions.at(-1)?.column ?? "",
                      to: index,
                    })
                  }
                />
              ) : (
                chip(clause, { clause: index, part: null })
              )}
            </li>
          ))}
          {countConditions(clauses) > 1 && (
            <li>
              <Button look="ghost" onClick={() => onChange({ match: "all", clauses: [] })}>
                Clear filters
              </Button>
            </li>
          )}
        </ul>
      )}
      {editing !== null && (
        <FilterForm
          key={JSON.stringify(editing)}
          columns={columns}
          column={editing.column}
          condition={editing.place === null ? null : find(filter, editing.place)}
          to={editing.to}
          places={editing.place === null ? placesFor(filter) : []}
          onPut={put}
          onClose={() => onEdit(null)}
        />
      )}
    </div>
  );
}

/** Where a new condition may go; nothing to choose while it is the only one. */
function placesFor({ match, clauses }: Filter): { to: Target; label: string }[] {
  if (clauses.length === 0) return [];
  const groups = clauses.flatMap((clause, to) => {
    const text = describeClause(clause);
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    return [{ to, label: isGroup(clause) ? `in the group ${shown}` : `grouped with ${shown}` }];
  });
  return [
    { to: "alone", label: match === "all" ? "and" : "or" },
    { to: "new", label: `${match === "all" ? "and" : "or"} in a new group` },
    ...groups,
  ];
}

interface ChipProps {
  condition: Condition;
  onEdit: () => void;
  onRemove: () => void;
}

function Chip({ condition, onEdit, onRemove }: ChipProps) {
  return (
    <>
      <button type="button" className={styles.chip} title="Change this filter" onClick={onEdit}>
        {describeCondition(condition)}
      </button>
      <button
        type="button"
        className={styles.remove}
        aria-label={`Remove the filter ${describeCondition(condition)}`}
        onClick={onRemove}
      >
        <Icon name="x" size={10} />
      </button>
    </>
  );
}

interface GroupChipsProps {
  group: Group;
  chip: (condition: Condition, part: number) => ReactNode;
  onMatch: (match: Match) => void;
  onAdd: () => void;
}

function GroupChips({ group, chip, onMatch, onAdd }: GroupChipsProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a part of a row of chips, not of a form
    <span className={styles.group} role="group" aria-label={`Group ${describeClause(group)}`}>
      <Select
        label="The group passes"
        isLabelHidden
        value={group.match}
        choices={MATCHES}
        onChoose={onMatch}
      />
      {group.conditions.map((condition, part) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: equal conditions are alike
        <span key={part} className={styles.part}>
          {chip(condition, part)}
        </span>
      ))}
      <IconButton icon="plus" label="Add to this group" onClick={onAdd} />
    </span>
  );
}
