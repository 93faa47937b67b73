import { useQuery } from "@tanstack/react-query";
import type { JsonValue } from "../api/types";
import { Plot } from "../charts/plots/Plot";
import { Icon } from "../ui/Icon";
import { localUrl, nameOf, readFileText, WHOLE_BYTES_MAX } from "../ui/preview/fileContent";
import { AudioPreview, VideoPreview } from "../ui/preview/MediaPreview";
import { Skeleton } from "../ui/Skeleton";
import { Bytes } from "../ui/values";
import { readFigure } from "./figures";
import { numberOf, type ShownMedia } from "./items";
import styles from "./MediaView.module.css";
import { labelOfItem } from "./Picture";

const NOTES: Partial<Record<ShownMedia["kind"], string>> = {
  molecule: "Molecules are not drawn here; download the file for a viewer of molecules.",
  object3D: "Objects in 3D are not drawn here; download the file for a viewer of them.",
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

/** One logged value that is no picture, in its place of a panel or a row. */
export function MediaView({ item, width, height }: MediaViewProps) {
  const label = labelOfItem(item);
  if (item.kind === "histogram") return <LoggedHistogram {...{ item, width, height }} />;
  if (item.url === null && item.page_url === null) {
    return <p className={styles.note}>{label}: the file has not arrived yet.</p>;
  }
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
        <Download item={item} note="This page has no preview." />
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
    case "plotly":
      return <Figure {...{ item, width, height }} />;
    default:
      return <Download item={item} note={NOTES[item.kind] ?? NOTES.file ?? ""} />;
  }
}

function Download({ item, note }: { item: ShownMedia; note: string }) {
  const size = numberOf(item.about.size);
  return (
    <div className={styles.note}>
      <p>{note}</p>
      {item.url !== null && (
        <a href={localUrl(item.url)} download={nameOf(item.path ?? "file")}>
          <Icon name="download" size={14} /> {nameOf(item.path ?? "Download")}
        </a>
      )}{" "}
      {size !== null && <Bytes value={size} />}
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

/** Lines, points and bars of a Plotly figure. Plotly itself is not part of this program: it is 3 MB. */
function Figure({ item, width, height }: MediaViewProps) {
  const { url } = item;
  const figure = useQuery({
    queryKey: ["plotly", url === null ? null : new URL(url, location.href).pathname],
    queryFn: async ({ signal }) => {
      const file = { url: url ?? "", size_bytes: WHOLE_BYTES_MAX };
      const { text } = await readFileText(file, signal, WHOLE_BYTES_MAX);
      return readFigure(JSON.parse(text) as JsonValue);
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  if (figure.isPending) return <Skeleton height={height} />;
  if (figure.isError || figure.data.plot === null) {
    const kinds = figure.data?.missing.join(", ");
    return (
      <Download
        item={item}
        note={
          figure.isError
            ? "The figure could not be read."
            : `Plotly traces of the kind ${kinds || "none"} are not drawn here; download the figure and open it with Plotly.`
        }
      />
    );
  }
  const { title, plot, missing } = figure.data;
  return (
    <div className={styles.figure}>
      {title !== "" && <p className={styles.title}>{title}</p>}
      <Plot title={title || labelOfItem(item)} data={plot} width={width} height={height - 56} />
      <p className={styles.hint}>
        Static drawing of the Plotly figure
        {missing.length > 0 && `, without its traces of the kind ${missing.join(", ")}`}.{" "}
        {url !== null && (
          <a href={localUrl(url)} download={nameOf(item.path ?? "figure.json")}>
            Download the figure
          </a>
        )}
      </p>
    </div>
  );
}
