import { EmptyState } from "../ui/EmptyState";
import { EmbeddedTable } from "./EmbeddedTable";
import { parseRef } from "./refs";

/** The table in a file of a run or of an artifact, within the preview of the file. */
export default function FileTable({ tableRef }: { tableRef: string }) {
  const place = parseRef(tableRef);
  if (place === null) return <EmptyState icon="file" title="This file has no address as a table" />;
  return <EmbeddedTable tableRef={tableRef} place={place} />;
}
