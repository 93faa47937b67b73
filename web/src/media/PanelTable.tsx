import { EmbeddedTable } from "../tables/EmbeddedTable";

/** A logged table in a panel. A chunk of its own: most panels hold no table. */
export default function PanelTable(props: {
  tableRef: string;
  place: { entity: string; project: string };
}) {
  return <EmbeddedTable {...props} />;
}
