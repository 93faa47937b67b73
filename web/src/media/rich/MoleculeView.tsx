import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { useScheme } from "../../theme/theme";
import { IconButton } from "../../ui/Button";
import { Select } from "../../ui/Select";
import { Skeleton } from "../../ui/Skeleton";
import type { ShownMedia } from "../items";
import { MediaDownload } from "../MediaDownload";
import { labelOfItem } from "../Picture";
import { reasonOf, useFileBlob } from "./fileBlob";
import { MOLECULE_BYTES_MAX } from "./limits";
import {
  describeAtoms,
  isPolymer,
  isSeenFromItsEnd,
  type MoleculeLook,
  moleculeFormatOf,
} from "./molecules";
import { leaveViewer, type MoleculeViewer, takeViewer } from "./moleculeViewers";
import styles from "./rich.module.css";

const LOOKS: readonly { value: MoleculeLook; label: string }[] = [
  { value: "cartoon", label: "Cartoon" },
  { value: "sticks", label: "Sticks" },
  { value: "spheres", label: "Spheres" },
];
const [TURN, ZOOM] = [12, 1.25];

interface Facts {
  text: string;
  look: MoleculeLook;
  /** Its own axes show its end. */
  isTurned: boolean;
}

/** A molecule that can be turned. */
export default function MoleculeView({ item }: { item: ShownMedia }) {
  const scheme = useScheme();
  const format = moleculeFormatOf(item.path ?? "");
  const file = useFileBlob(item, MOLECULE_BYTES_MAX);
  const shown = file.data;
  const content = useQuery({
    queryKey: ["molecule", shown?.path, shown?.blob.size],
    queryFn: async () => {
      const blob = shown?.blob ?? new Blob();
      return format === "mmtf" ? blob.arrayBuffer() : blob.text();
    },
    enabled: shown !== undefined && format !== null,
    gcTime: 0,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const place = useRef<HTMLDivElement>(null);
  const [used, setUsed] = useState<MoleculeViewer | null>(null);
  const [facts, setFacts] = useState<Facts | null>(null);
  const [chosen, setChosen] = useState<MoleculeLook | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const { data } = content;
  const isGone = file.error !== null || content.error !== null || failure !== null;

  useEffect(() => {
    if (data === undefined || place.current === null || format === null) return;
    let taken: MoleculeViewer | null = null;
    try {
      taken = takeViewer(place.current);
      const atoms = taken.viewer.addModel(data, format).selectedAtoms({});
      if (atoms.length === 0) throw new Error("The file holds no atom.");
      const isTurned = isSeenFromItsEnd(atoms);
      resetView(taken.viewer, isTurned);
      const look = isPolymer(atoms) ? "cartoon" : "sticks";
      setFacts({ text: describeAtoms(atoms), look, isTurned });
      setUsed(taken);
    } catch (error) {
      setFailure(error);
    }
    return () => {
      setUsed(null);
      if (taken !== null) leaveViewer(taken);
    };
  }, [data, format]);

  const look = chosen ?? facts?.look ?? "sticks";
  useEffect(() => {
    if (used === null) return;
    dress(used, look);
    used.viewer.setBackgroundColor(readPaper(), 1);
    used.viewer.render();
    if (place.current !== null) place.current.dataset.drawn = scheme;
  }, [used, look, scheme]);
  useWheelOnlyInFocus(place);

  if (format === null || isGone) {
    const reason = reasonOf(file.error ?? content.error ?? failure);
    const note = format === null ? "Files of this kind are not." : reason;
    return <MediaDownload item={item} note={`The molecule is not drawn. ${note}`} />;
  }
  const change = (act: (viewer: MoleculeViewer["viewer"]) => void) => {
    if (used === null) return;
    act(used.viewer);
    used.viewer.render();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const actions: Record<string, (viewer: MoleculeViewer["viewer"]) => void> = {
      ArrowLeft: (viewer) => viewer.rotate(-TURN, "y"),
      ArrowRight: (viewer) => viewer.rotate(TURN, "y"),
      ArrowUp: (viewer) => viewer.rotate(-TURN, "x"),
      ArrowDown: (viewer) => viewer.rotate(TURN, "x"),
      "+": (viewer) => viewer.zoom(ZOOM),
      "-": (viewer) => viewer.zoom(1 / ZOOM),
      "0": (viewer) => resetView(viewer, facts?.isTurned === true),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    change(action);
  };
  return (
    <div className={styles.rich}>
      <div className={styles.stage}>
        {facts === null && <Skeleton height="100%" />}
        <div
          ref={place}
          className={styles.canvas}
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is turned by keyboard
          tabIndex={0}
          role="img"
          aria-label={`${labelOfItem(item)}: molecule of ${facts?.text ?? "unknown size"}. Arrow keys turn it, + and - zoom, 0 resets.`}
          onKeyDown={onKeyDown}
        />
        {used !== null && (
          <div className={styles.tools}>
            <Select
              label="Drawn as"
              isLabelHidden
              value={look}
              choices={facts?.look === "cartoon" ? LOOKS : LOOKS.slice(1)}
              onChoose={setChosen}
            />
            <IconButton
              icon="plus"
              label="Zoom in"
              onClick={() => change((viewer) => viewer.zoom(ZOOM))}
            />
            <IconButton
              icon="minus"
              label="Zoom out"
              onClick={() => change((viewer) => viewer.zoom(1 / ZOOM))}
            />
            <IconButton
              icon="fit"
              label="Reset the view"
              onClick={() => change((viewer) => resetView(viewer, facts?.isTurned === true))}
            />
          </div>
        )}
      </div>
      {facts !== null && <p className={styles.hint}>{facts.text}</p>}
    </div>
  );
}

/** A viewer that is used again still looks as it was turned last. */
function resetView(viewer: MoleculeViewer["viewer"], isTurned: boolean): void {
  viewer.setView([0, 0, 0, 0, 0, 0, 0, 1]);
  if (isTurned) viewer.rotate(90, "y");
  viewer.zoomTo();
}

function dress({ viewer }: MoleculeViewer, look: MoleculeLook): void {
  const sticks = { stick: { radius: 0.14 }, sphere: { scale: 0.24 } };
  viewer.setStyle({}, look === "spheres" ? { sphere: {} } : sticks);
  if (look === "cartoon") {
    viewer.setStyle({ hetflag: false }, { cartoon: { color: "spectrum" } });
  }
}

function readPaper(): string {
  return getComputedStyle(document.documentElement).getPropertyValue("--raised").trim();
}

/** Until somebody has chosen the drawing, the wheel scrolls the page. */
function useWheelOnlyInFocus(place: React.RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      if (document.activeElement !== element) event.stopPropagation();
    };
    // 3Dmol prevents that the drawing gets the focus when it is pressed.
    const onPress = () => element.focus({ preventScroll: true });
    element.addEventListener("wheel", onWheel, { capture: true });
    element.addEventListener("pointerdown", onPress);
    return () => {
      element.removeEventListener("wheel", onWheel, { capture: true });
      element.removeEventListener("pointerdown", onPress);
    };
  }, [place]);
}
