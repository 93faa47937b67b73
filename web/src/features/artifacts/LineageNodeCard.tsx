import { memo } from "react";
import { Link } from "react-router";
import type { LineageNode, RunState } from "~/api/types";
import type { Point } from "~/core/layered";
import { AliasChips } from "~/ui/AliasChips";
import { Icon } from "~/ui/Icon";
import { RunSwatch } from "~/ui/RunSwatch";
import { StatusDot } from "~/ui/StatusDot";
import styles from "./LineageGraph.module.css";
import {
  countHidden,
  describeNode,
  NODE_HEIGHT,
  NODE_WIDTH,
  pathOfNode,
  sayState,
} from "./lineageModel";

interface LineageNodeCardProps {
  node: LineageNode;
  place: Point;
  isRoot: boolean;
  onExpand: (id: string) => void;
}

/** One node: a link to its page, or the button that opens a stack. */
export const LineageNodeCard = memo(function LineageNodeCard(props: LineageNodeCardProps) {
  const { node, place, isRoot, onExpand } = props;
  const path = pathOfNode(node);
  const label = describeNode(node, { isRoot });
  const shared = {
    className: styles.node,
    style: { left: place.x, top: place.y, width: NODE_WIDTH, height: NODE_HEIGHT },
    "data-node": node.id,
    "data-kind": node.kind,
    "data-root": isRoot || undefined,
    title: label,
  };
  if (node.kind === "stack") {
    return (
      <button type="button" {...shared} onClick={() => onExpand(node.id)}>
        <span className={styles.line}>
          <Icon name="stack" size={14} />
          <span className={styles.name}>{countHidden(node)} more</span>{" "}
          <Icon name="chevronRight" size={12} />
        </span>{" "}
        <span className={styles.kind}>{node.label}</span>
      </button>
    );
  }
  const content = node.kind === "run" ? <RunFace node={node} /> : <ArtifactFace node={node} />;
  if (path === null) {
    return (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: arrow keys walk over it to its neighbours
      <span {...shared} role="img" aria-label={label} tabIndex={0}>
        {content}
      </span>
    );
  }
  return (
    <Link {...shared} to={path} aria-current={isRoot ? "true" : undefined} draggable={false}>
      {content} {isRoot && <span className="visually-hidden">this version</span>}
    </Link>
  );
});

function RunFace({ node }: { node: LineageNode }) {
  return (
    <>
      <span className={styles.line}>
        <RunSwatch run={node.name ?? node.id} />
        <span className={styles.name}>{node.label}</span>{" "}
        {node.state !== null && <StatusDot state={node.state as RunState} />}
      </span>{" "}
      <span className={styles.kind}>{node.type === null ? "run" : `run · ${node.type}`}</span>
    </>
  );
}

function ArtifactFace({ node }: { node: LineageNode }) {
  const isGone = node.state !== null && node.state !== "COMMITTED";
  return (
    <>
      <span className={styles.line}>
        <Icon name="box" size={14} />
        <span className={styles.name}>{node.name ?? node.label}</span>{" "}
        {node.version !== null && <span className={styles.version}>{node.version}</span>}
      </span>{" "}
      <span className={styles.kind}>
        <span>{isGone ? sayState(node.state ?? "") : node.type}</span>{" "}
        <AliasChips aliases={node.aliases} shownMax={1} />
      </span>
    </>
  );
}
