import type { ReactNode } from "react";
import { Link } from "react-router";
import type { Lineage, LineageNode } from "~/api/types";
import type { Layout } from "~/core/layered";
import { AliasChips } from "~/ui/AliasChips";
import table from "~/ui/Table.module.css";
import { TimeAgo } from "~/ui/values";
import styles from "./LineageTable.module.css";
import { countHidden, listLineageRows, pathOfNode, sayState } from "./lineageModel";

interface LineageTableProps {
  lineage: Lineage;
  layout: Layout;
  onExpand: (id: string) => void;
}

const NEIGHBOURS_SHOWN = 6;

/** The graph as rows, from what came first to what came last. */
export function LineageTable({ lineage, layout, onExpand }: LineageTableProps) {
  return (
    <div className={styles.scroller}>
      <div className={table.frame}>
        <table className={table.table} aria-label="Lineage">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Kind</th>
              <th scope="col">State</th>
              <th scope="col">Comes from</th>
              <th scope="col">Leads to</th>
              <th scope="col">Made</th>
            </tr>
          </thead>
          <tbody>
            {listLineageRows(lineage, layout).map(({ node, from, to }) => (
              <tr key={node.id} data-root={node.id === lineage.root || undefined}>
                <td className={table.strong}>
                  <NodeName node={node} onExpand={onExpand} />
                  {node.id === lineage.root && <span className={styles.here}>this version</span>}
                  <AliasChips aliases={node.aliases} shownMax={2} />
                </td>
                <td>{node.kind === "artifact" ? (node.type ?? "version") : node.kind}</td>
                <td>
                  {node.state === null || node.state === "COMMITTED" ? "–" : sayState(node.state)}
                </td>
                <td className={styles.neighbours}>
                  <Neighbours nodes={from} onExpand={onExpand} />
                </td>
                <td className={styles.neighbours}>
                  <Neighbours nodes={to} onExpand={onExpand} />
                </td>
                <td>{node.created_at_us === null ? "–" : <TimeAgo us={node.created_at_us} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

interface NodeNameProps {
  node: LineageNode;
  onExpand: (id: string) => void;
}

function NodeName({ node, onExpand }: NodeNameProps): ReactNode {
  if (node.kind === "stack") {
    return (
      <button type="button" className={styles.stack} onClick={() => onExpand(node.id)}>
        {countHidden(node)} more: {node.label}
      </button>
    );
  }
  const path = pathOfNode(node);
  return path === null ? (
    <span>{node.label}</span>
  ) : (
    <Link to={path} title={node.label}>
      {node.label}
    </Link>
  );
}

function Neighbours({
  nodes,
  onExpand,
}: {
  nodes: readonly LineageNode[];
  onExpand: (id: string) => void;
}) {
  if (nodes.length === 0) return "–";
  return (
    <>
      {nodes.slice(0, NEIGHBOURS_SHOWN).map((node, index) => (
        <span key={node.id}>
          {index > 0 && ", "}
          <NodeName node={node} onExpand={onExpand} />
        </span>
      ))}
      {nodes.length > NEIGHBOURS_SHOWN && ` and ${nodes.length - NEIGHBOURS_SHOWN} more`}
    </>
  );
}
