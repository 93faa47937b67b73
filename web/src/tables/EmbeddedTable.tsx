import { useState } from "react";
import { writeUrl } from "../core/urlState";
import { LinkButton } from "../ui/Button";
import { nameOf } from "../ui/preview/fileContent";
import { parseRef, tablePath } from "./refs";
import { TableViewer } from "./TableViewer";
import { INITIAL_STATE, type TableState, tableParams } from "./tableState";

interface EmbeddedTableProps {
  tableRef: string;
  place: { entity: string; project: string };
}

/** A table within another page: what is chosen is forgotten with it, or taken along to the table's own page. */
export function EmbeddedTable({ tableRef, place }: EmbeddedTableProps) {
  const [state, setState] = useState<TableState>(INITIAL_STATE);
  const search = writeUrl(tableParams, new URLSearchParams(), state).toString();
  const path = tablePath(place.entity, place.project, tableRef);
  return (
    <TableViewer
      tableRef={tableRef}
      label={nameOf(parseRef(tableRef)?.path ?? tableRef)}
      state={state}
      onChange={(patch) => setState((old) => ({ ...old, ...patch }))}
      place={place}
      actions={
        <LinkButton icon="fit" to={search === "" ? path : `${path}?${search}`}>
          Full page
        </LinkButton>
      }
    />
  );
}
