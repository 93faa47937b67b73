import { type ComponentType, lazy, Suspense } from "react";
import { Plot } from "../charts/plots/Plot";

import { localUrl } from "../ui/preview/fileContent";
import { AudioPreview, VideoPreview } from "../ui/preview/MediaPreview";
import { Skeleton } from "../ui/Skeleton";
import type { ShownMedia } from "./items";
import { MediaDownload } from "./MediaDownload";
import styles from "./MediaView.module.css";
import { labelOfItem } from "./Picture";
import { useOnScreen } from "./useOnScreen";

type Viewer = ComponentType<{ item: ShownMedia }>;

/** Large programs, loaded when the first of their files is on screen. */
const VIEWERS: Partial<Record<ShownMedia["kind"], Viewer>> = {
  plotly: lazy(() => import("./rich/PlotlyView")),
  object3D: lazy(() => import("./rich/SpaceView")),
  molecule: lazy(() => import("./rich/MoleculeView")),
};

const NOTES: Partial<Record<ShownMedia["kind"], string>> = {
  bokeh: "Bokeh figures are not drawn here; download the file and open it with Bokeh.",
  graph: "Graphs of models are not drawn here; download the file to read it.",
  file: "This kind of file is not shown here; download it to look inside.",
  table: "Open the table from the panel.",
};

interface MediaViewProps {
  item: ShownMedia;
  width: number;
  height: number;
}

/** Whether there is a viewer that can be given a whole window. */
export function hasViewer({ kind, url }: ShownMedia): boolean {
  return VIEWERS[kind] !== undefined && url !== null;
}

/** One logged value that is no picture, in its place of a panel or a row. */
export function MediaView({ item, width, height }: MediaViewProps) {
  const label = labelOfItem(item);
  if (item.kind === "histogram") return <LoggedHistogram {...{ item, width, height }} />;
  if (item.url === null && item.page_url === null) {
    return <p className={styles.note}>{label}: the file has not arrived yet.</p>;
  }
  const viewer = VIEWERS[item.kind];
  if (viewer !== undefined) return <NearViewer viewer={viewer} item={item} height={height} />;
  const file = { name: item.path ?? label, size_bytes: 1, url: item.url ?? "", revision: 0 };
  switch (item.kind) {
    case "audio":
      return <AudioPreview file={{ ...file, name: label }} />;
    case "video":
      // What the browser calls a film is a picture when it is a GIF.
      return /\.gif$/i.test(file.name) ? (
        <img className={styles.gif} src={localUrl(file.url)} alt={label} loading="lazy" />
      ) : (
        <VideoPreview file={{ ...file, name: label }} />
      );
    case "html":
      return item.page_url === null ? (
        <MediaDownload item={item} note="This page has no preview." />
      ) : (
        <iframe
          className={styles.page}
          style={{ height }}
          title={label}
          sandbox="allow-scripts"
          loading="lazy"
          src={localUrl(item.page_url)}
        />
      );
    default:
      return <MediaDownload item={item} note={NOTES[item.kind] ?? NOTES.file ?? ""} />;
  }
}

interface NearViewerProps {
  viewer: Viewer;
  item: ShownMedia;
  height: number;
}

/** The viewer exists near the visible part of its panel only: of hundreds a few are drawn. */
function NearViewer({ viewer: Viewer, item, height }: NearViewerProps) {
  const [setElement, isNear] = useOnScreen();
  return (
    <div ref={setElement} className={styles.viewer} style={{ minHeight: height }}>
      {isNear && (
        <Suspense fallback={<Skeleton height={height} />}>
          <Viewer item={item} />
        </Suspense>
      )}
    </div>
  );
}

function LoggedHistogram({ item, width, height }: MediaViewProps) {
  const [edges, counts] = [item.about.bins, item.about.values].map((list) =>
    Array.isArray(list) ? list.filter((n): n is number => typeof n === "number") : [],
  );
  if (edges === undefined || counts === undefined || counts.length === 0) {
    return <p className={styles.note}>This histogram has no bins.</p>;
  }
  const data = { kind: "histogram" as const, edges, counts, x: "value" };
  return <Plot title="Histogram" {...{ data, width, height }} />;
}
