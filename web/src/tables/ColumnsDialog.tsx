import { useState } from "react";
import type { TableColumn } from "../api/types";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { SearchInput } from "../ui/Input";
import styles from "./ColumnsDialog.module.css";
import type { TableState } from "./tableState";
import { COLUMNS_SHOWN, chooseColumns, typeOf } from "./tableView";

interface ColumnsDialogProps {
  columns: readonly TableColumn[];
  state: TableState;
  onChange: (patch: Pick<TableState, "hide" | "also">) => void;
  onClose: () => void;
}

const LISTED_MAX = 300;

/** Which columns are shown. */
export function ColumnsDialog({ columns, state, onChange, onClose }: ColumnsDialogProps) {
  const [search, setSearch] = useState("");
  const shown = new Set(chooseColumns(columns, state).map(({ name }) => name));
  const found = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => column.name.toLowerCase().includes(search.toLowerCase()));
  const set = (items: readonly { column: TableColumn; index: number }[], isShown: boolean) => {
    const names = new Set(items.map(({ column }) => column.name));
    const beyond = items.filter(({ index }) => index >= COLUMNS_SHOWN);
    const rest = state.hide.filter((name) => !names.has(name));
    onChange({
      hide: isShown
        ? rest
        : [
            ...rest,
            ...items.filter(({ index }) => index < COLUMNS_SHOWN).map(({ column }) => column.name),
          ],
      also: isShown
        ? [...new Set([...state.also, ...beyond.map(({ column }) => column.name)])]
        : state.also.filter((name) => !names.has(name)),
    });
  };
  return (
    <Dialog
      title={`${shown.size.toLocaleString("en-US")} of ${columns.length.toLocaleString("en-US")} columns shown`}
      isOpen
      onClose={onClose}
    >
      <SearchInput label="Find a column" value={search} onText={setSearch} />
      <div className={styles.all}>
        <Button look="ghost" onClick={() => set(found.slice(0, LISTED_MAX), true)}>
          Show these
        </Button>
        <Button look="ghost" onClick={() => set(found.slice(0, LISTED_MAX), false)}>
          Hide these
        </Button>
      </div>
      <ul className={styles.list} aria-label="Columns">
        {found.slice(0, LISTED_MAX).map((item) => (
          <li key={item.column.name}>
            <label>
              <input
                type="checkbox"
                checked={shown.has(item.column.name)}
                onChange={(event) => set([item], event.currentTarget.checked)}
              />
              <span>{item.column.name}</span>
              <span className={styles.type}>{typeOf(item.column)}</span>
            </label>
          </li>
        ))}
      </ul>
      {found.length > LISTED_MAX && (
        <p className={styles.type}>
          {(found.length - LISTED_MAX).toLocaleString("en-US")} more; search to find them.
        </p>
      )}
    </Dialog>
  );
}
