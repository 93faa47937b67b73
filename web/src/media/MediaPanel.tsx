import { lazy, Suspense, useState } from "react";
import type { MediaItem, MediaKey, RunMedia } from "../api/types";
import type { PanelRun } from "../charts/lineModel";
import { Button } from "../ui/Button";
import { ErrorCard } from "../ui/ErrorCard";
import { RunSwatch } from "../ui/RunSwatch";
import { Select } from "../ui/Select";
import { SkeletonRows } from "../ui/Skeleton";
import { ChartOfTable } from "./ChartOfTable";
import type { CustomChart } from "./customCharts";
import styles from "./MediaPanel.module.css";
import { MediaView } from "./MediaView";
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
const VIEW_PX = { width: 420, height: 230 };

/** One key of several runs beside each other, at a step that a slider chooses. */
export function MediaPanel({ mediaKey, chart, place, runs, revision }: MediaPanelProps) {
  const { key, kind, steps } = mediaKey;
  // Following the newest step until somebody chooses one.
  const [chosen, setChosen] = useState<number | null>(null);
  const last = Math.max(0, steps.length - 1);
  const at = chosen === null ? last : Math.min(chosen, last);
  const step = steps[at] ?? 0;
  const names = runs.map((run) => run.name);
  const found = useMediaAt(place, { runs: names, key, step, revision });
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
      <StepSlider label={key} steps={steps} at={at} isBusy={found.isFetching} onGo={setChosen} />
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
    <div className={styles.run} role="group" aria-label={name}>
      {(!isAlone || media.step !== step) && (
        <h4 className={styles.runHead}>
          {run !== undefined && !isAlone && <RunSwatch run={run.name} color={run.color} />}
          {!isAlone && <span className={styles.runName}>{name}</span>}
          {media.step !== step && (
            <span className={styles.earlier}>of step {media.step.toLocaleString("en-US")}</span>
          )}
        </h4>
      )}
      <div className={styles.items} data-count={Math.min(items.length, 4)}>
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
