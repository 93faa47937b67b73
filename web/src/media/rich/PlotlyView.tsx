import { useQuery } from "@tanstack/react-query";
import plotlyUrl from "plotly.js-strict-dist-min/plotly-strict.min.js?url";
import { useEffect, useRef, useState } from "react";
import { serverPath } from "../../api/base";
import { PALETTE, type Scheme, SOLID_SLOTS } from "../../core/color";
import { useScheme } from "../../theme/theme";
import { nameOf } from "../../ui/preview/fileContent";
import { Skeleton } from "../../ui/Skeleton";
import type { ShownMedia } from "../items";
import { MediaDownload } from "../MediaDownload";
import { labelOfItem } from "../Picture";
import { readBlob, reasonOf, useFileBlob } from "./fileBlob";
import { FIGURE_BYTES_MAX } from "./limits";
import { type FrameState, mapKindsOf, readFrameMessage, savePicture } from "./plotlyFrame";
import styles from "./rich.module.css";
import { Turns } from "./turns";

/** Larger than Plotly is: what is refused is another file in its place. */
const PROGRAM_BYTES_MAX = 16 * 1024 * 1024;
const turns = new Turns(2);

/**
 * A figure drawn by Plotly in a frame of its own (public/plotly-frame.html). A frame without an origin shares no
 * cache with us, so this page reads the program once and hands it to each of them; the content is not copied.
 */
export default function PlotlyView({ item }: { item: ShownMedia }) {
  const scheme = useScheme();
  const frame = useRef<HTMLIFrameElement>(null);
  const file = useFileBlob(item, FIGURE_BYTES_MAX);
  const program = useQuery({
    queryKey: ["plotly"],
    queryFn: ({ signal }) =>
      readBlob(new URL(plotlyUrl, import.meta.url).href, PROGRAM_BYTES_MAX, signal),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: Number.POSITIVE_INFINITY,
  });
  const [isReady, setReady] = useState(false);
  const [state, setState] = useState<FrameState | null>(null);
  const label = labelOfItem(item);
  const [isTurn, setTurn] = useState(false);
  const endTurn = useRef(() => {});
  useEffect(() => {
    endTurn.current = turns.take(() => setTurn(true));
    return () => endTurn.current();
  }, []);

  useEffect(() => {
    const listen = ({ source, data }: MessageEvent) => {
      if (source === null || source !== frame.current?.contentWindow) return;
      const message = readFrameMessage(data);
      if (message === null) return;
      if (message.kind === "ready") setReady(true);
      else if (message.kind === "picture") savePicture(message.url, nameOf(label));
      else {
        setState(message);
        endTurn.current();
      }
    };
    addEventListener("message", listen);
    return () => removeEventListener("message", listen);
  }, [label]);

  const { data: figure } = file;
  const { data: plotly } = program;
  useEffect(() => {
    const target = frame.current?.contentWindow;
    if (!isReady || target == null || figure === undefined || plotly === undefined) return;
    const look = readLook(scheme);
    // A sandboxed page has no origin that could be named; it gets nothing but its figure.
    target.postMessage({ id: figure.path, figure: figure.blob, plotly, look }, "*");
  }, [isReady, figure, plotly, scheme]);

  const error = file.error ?? program.error;
  useEffect(() => {
    if (error !== null) endTurn.current();
  }, [error]);
  if (error !== null) {
    return <MediaDownload item={item} note={`The figure is not drawn. ${reasonOf(error)}`} />;
  }
  const isFailed = state?.kind === "failed";
  const maps = state?.kind === "drawn" ? mapKindsOf(state.traces) : [];
  const kinds = state?.kind === "drawn" ? [...new Set(state.traces)].join(", ") : "";
  return (
    <div className={styles.rich}>
      {isFailed && (
        <MediaDownload item={item} note={`The figure is not drawn. ${reasonOf(state.text)}`} />
      )}
      <div className={styles.stage} hidden={isFailed}>
        {isTurn && (
          <iframe
            ref={frame}
            className={styles.frame}
            title={`${label}: Plotly figure${kinds && ` of ${kinds}`}`}
            sandbox="allow-scripts"
            src={serverPath("/plotly-frame.html")}
            data-drawn={state?.kind === "drawn" || undefined}
          />
        )}
        {state === null && <Skeleton height="100%" />}
      </div>
      {maps.length > 0 && (
        <p className={styles.hint}>
          Drawn without land and countries: their outlines are on servers that this page does not
          ask.
        </p>
      )}
    </div>
  );
}

/** What a figure that names no colours is drawn in. */
function readLook(scheme: Scheme) {
  const tokens = getComputedStyle(document.documentElement);
  const read = (name: string) => tokens.getPropertyValue(name).trim();
  return {
    scheme,
    paper: read("--raised"),
    text: read("--text"),
    muted: read("--text-faint"),
    grid: read("--grid"),
    axis: read("--border-strong"),
    font: read("--font"),
    colorway: PALETTE[scheme].slice(0, SOLID_SLOTS),
  };
}
