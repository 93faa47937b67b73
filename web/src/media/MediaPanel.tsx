import { lazy, Suspense, useMemo, useState } from "react";
import type { MediaItem, MediaKey, RunMedia } from "../api/types";
import type { PanelRun } from "../charts/lineModel";
import { Button, IconButton } from "../ui/Button";
import { ErrorCard } from "../ui/ErrorCard";
import { RunSwatch } from "../ui/RunSwatch";
import { Select } from "../ui/Select";
import { SkeletonRows } from "../ui/Skeleton";
import { ChartOfTable } from "./ChartOfTable";
import type { CustomChart } from "./customCharts";
import styles from "./MediaPanel.module.css";
import { hasViewer, MediaView } from "./MediaView";
import { labelOfItem, type Overlays, Picture } from "./Picture";
import { useMediaAt } from "./queries";
import { StepSlider } from "./StepSlider";

const PictureDialog = lazy(() => import("./PictureDialog"));
const PanelTable = lazy(() => import("./PanelTable"));

interface MediaPanelProps {
  mediaKey: MediaKey;
  chart: CustomChart | null;
  place: { entity: string; project: string };
  runs: readonly PanelRun[];
  revision: number;
}

/** Items of a run that are shown until more are asked for. */
const ITEMS_SHOWN = 24;
/** Runs beside each other. */
const RUNS_PAGE = 24;
const VIEW_PX = { width: 420, height: 230 };

/** One key of several runs beside each other, at a step that a slider chooses. */
export function MediaPanel({ mediaKey, chart, place, runs, revision }: MediaPanelProps) {
  const { key, kind, steps } = mediaKey;
  // Following the newest step until somebody chooses one.
  const [chosen, setChosen] = useState<number | null>(null);
  const last = Math.max(0, steps.length - 1);
  const at = chosen === null ? last : Math.min(chosen, last);
  const step = steps[at] ?? 0;
  const names = useMemo(() => runs.map((run) => run.name), [runs]);
  const [wantedPage, setWantedPage] = useState(0);
  const found = useMediaAt(place, {
    ...{ runs: names, key, step, revision },
    ...{ offset: wantedPage * RUNS_PAGE, limit: RUNS_PAGE },
  });
  const total = found.data?.total ?? 0;
  const pageCount = Math.max(1, Math.ceil(total / RUNS_PAGE));
  // At another step, or with other runs, there may be fewer pages.
  if (found.isSuccess && !found.isPlaceholderData && wantedPage >= pageCount) {
    setWantedPage(pageCount - 1);
  }
  const [overlays, setOverlays] = useState<Overlays>({ boxes: true, masks: true });
  const [enlarged, setEnlarged] = useState<{ items: MediaItem[]; at: number } | null>(null);
  const items = found.data?.runs.flatMap((run) => run.items) ?? [];
  const isTable = kind === "table" && chart === null;
  const [wantedRun, setWantedRun] = useState("");
  const allRuns = found.data?.runs ?? [];
  // Tables need the whole width: one run at a time.
  const tableRun = allRuns.find(({ run }) => run === wantedRun) ?? allRuns[0];
  const shownRuns = isTable && tableRun !== undefined ? [tableRun] : allRuns;
  const nameOf = (run: string) => runs.find(({ name }) => name === run)?.displayName ?? run;
  const title = chart !== null && chart.title !== "" ? chart.title : key;

  return (
    <section className={styles.panel} aria-label={key}>
      <header className={styles.header}>
        <h3 title={key}>{title}</h3>
        {title !== key && <span className={styles.key}>{key}</span>}
        {isTable && allRuns.length > 1 && (
          <Select
            label="of the run"
            value={tableRun?.run ?? ""}
            choices={allRuns.map(({ run }) => ({ value: run, label: nameOf(run) }))}
            onChoose={setWantedRun}
          />
        )}
        <span className={styles.toggles}>
          {(["boxes", "masks"] as const).map(
            (layer) =>
              items.some((item) => Object.keys(item[layer]).length > 0) && (
                <Button
                  key={layer}
                  look="ghost"
                  aria-pressed={overlays[layer]}
                  onClick={() => setOverlays({ ...overlays, [layer]: !overlays[layer] })}
                >
                  {layer === "boxes" ? "Boxes" : "Masks"}
                </Button>
              ),
          )}
        </span>
      </header>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset holds fields */}
      <div
        className={styles.runs}
        role="group"
        aria-label={`Runs with ${key}`}
        aria-busy={found.isFetching || undefined}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by keyboard
        tabIndex={0}
      >
        {found.isPending && <SkeletonRows count={6} label={`Loading ${key}`} />}
        {found.isError && (
          <ErrorCard error={found.error} title="This could not be read" onRetry={found.refetch} />
        )}
        {found.isSuccess && items.length === 0 && (
          <p className={styles.none}>No shown run has this at step {step} or before.</p>
        )}
        {shownRuns.map((media) => (
          <OneRun
            key={media.run}
            {...{ media, kind, chart, place, overlays, step }}
            run={runs.find(({ name }) => name === media.run)}
            isAlone={runs.length === 1 || isTable}
            onEnlarge={(index) => setEnlarged({ items: media.items, at: index })}
          />
        ))}
      </div>
      <footer className={styles.footer}>
        {pageCount > 1 && (
          <RunPages
            label={key}
            page={Math.min(wantedPage, pageCount - 1)}
            total={total}
            onGo={setWantedPage}
          />
        )}
        <StepSlider label={key} steps={steps} at={at} isBusy={found.isFetching} onGo={setChosen} />
      </footer>
      {enlarged !== null && (
        <Suspense>
          <PictureDialog
            {...enlarged}
            onGo={(index) => setEnlarged({ ...enlarged, at: index })}
            onClose={() => setEnlarged(null)}
          />
        </Suspense>
      )}
    </section>
  );
}

interface RunPagesProps {
  label: string;
  page: number;
  total: number;
  onGo: (page: number) => void;
}

/** Which of the runs are beside each other, and the way to the others. */
function RunPages({ label, page, total, onGo }: RunPagesProps) {
  const [first, last] = [page * RUNS_PAGE + 1, Math.min(total, (page + 1) * RUNS_PAGE)];
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset holds fields
    <div className={styles.pages} role="group" aria-label={`Runs of ${label}`}>
      <IconButton
        icon="chevronLeft"
        label={`Previous runs of ${label}`}
        disabled={page === 0}
        onClick={() => onGo(page - 1)}
      />
      <span aria-live="polite">
        runs {first}–{last} of {total.toLocaleString("en-US")}
      </span>
      <IconButton
        icon="chevronRight"
        label={`Next runs of ${label}`}
        disabled={last >= total}
        onClick={() => onGo(page + 1)}
      />
    </div>
  );
}

interface OneRunProps {
  media: RunMedia;
  run: PanelRun | undefined;
  kind: MediaKey["kind"];
  chart: CustomChart | null;
  place: { entity: string; project: string };
  overlays: Overlays;
  /** The step asked for. */
  step: number;
  isAlone: boolean;
  onEnlarge: (index: number) => void;
}

function OneRun({ media, run, chart, place, overlays, step, isAlone, onEnlarge }: OneRunProps) {
  const [shown, setShown] = useState(ITEMS_SHOWN);
  const { items } = media;
  const name = run?.displayName ?? media.run;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset holds fields
    <div
      className={styles.run}
      role="group"
      aria-label={name}
      data-wide={items.some(hasViewer) || undefined}
    >
      {(!isAlone || media.step !== step) && (
        <h4 className={styles.runHead}>
          {run !== undefined && !isAlone && <RunSwatch run={run.name} color={run.color} />}
          {!isAlone && <span className={styles.runName}>{name}</span>}
          {media.step !== step && (
            <span className={styles.earlier}>of step {media.step.toLocaleString("en-US")}</span>
          )}
        </h4>
      )}
      <div
        className={styles.items}
        data-count={Math.min(items.length, 4)}
        data-wide={items.some(hasViewer) || undefined}
      >
        {items.slice(0, shown).map((item, index) => (
          <Item
            // biome-ignore lint/suspicious/noArrayIndexKey: its place in the list is what an item is over the steps
            key={index}
            {...{ item, chart, place, overlays }}
            onEnlarge={() => onEnlarge(index)}
          />
        ))}
      </div>
      {items.length > shown && (
        <Button onClick={() => setShown(shown + ITEMS_SHOWN)}>
          Show more of {items.length.toLocaleString("en-US")}
        </Button>
      )}
    </div>
  );
}

interface ItemProps {
  item: MediaItem;
  chart: CustomChart | null;
  place: { entity: string; project: string };
  overlays: Overlays;
  onEnlarge: () => void;
}

function Item({ item, chart, place, overlays, onEnlarge }: ItemProps) {
  if (item.kind === "table") {
    const ref = item.table_refs[0];
    if (ref === undefined) return <p className={styles.none}>The table has not arrived yet.</p>;
    if (chart !== null) return <ChartOfTable {...{ chart, place, ...VIEW_PX }} tableRef={ref} />;
    return (
      <Suspense fallback={<SkeletonRows count={6} label="Loading the table" />}>
        <PanelTable tableRef={ref} place={place} />
      </Suspense>
    );
  }
  if (item.kind !== "image") {
    return (
      <figure className={styles.other}>
        {hasViewer(item) && (
          <IconButton
            className={styles.enlarge}
            icon="external"
            label={`Enlarge ${labelOfItem(item)}`}
            onClick={onEnlarge}
          />
        )}
        <MediaView item={item} {...VIEW_PX} />
        {item.caption !== null && <figcaption>{item.caption}</figcaption>}
      </figure>
    );
  }
  return (
    <figure className={styles.picture}>
      <button type="button" aria-label={`Enlarge ${labelOfItem(item)}`} onClick={onEnlarge}>
        <Picture key={item.path} item={item} overlays={overlays} />
      </button>
      {item.caption !== null && <figcaption title={item.caption}>{item.caption}</figcaption>}
    </figure>
  );
}
