import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { JsonValue } from "../../api/types";
import type { Scheme } from "../../core/color";
import { useScheme } from "../../theme/theme";
import { IconButton } from "../../ui/Button";
import { Skeleton } from "../../ui/Skeleton";
import type { ShownMedia } from "../items";
import { MediaDownload } from "../MediaDownload";
import { labelOfItem } from "../Picture";
import { reasonOf, useFileBlob } from "./fileBlob";
import { SPACE_BYTES_MAX } from "./limits";
import { describeModel, readModel, type SpaceFormat, spaceFormatOf } from "./models";
import { describeCloud, readPointCloud } from "./pointCloud";
import styles from "./rich.module.css";
import { SpaceCamera } from "./spaceCamera";
import { openRenderer } from "./spaceRenderer";
import { makeCloudScene, makeModelScene, type SpaceScene } from "./spaceScene";

/** Points, boxes and models in space, which can be turned. */
export default function SpaceView({ item }: { item: ShownMedia }) {
  const format = spaceFormatOf(item.path ?? "");
  if (format === null) {
    const ending = /\.[^.]*$/.exec(item.path ?? "")?.[0] ?? "this kind";
    const note = `Files of ${ending} are not drawn here; download it for a program that does.`;
    return <MediaDownload item={item} note={note} />;
  }
  return <Space item={item} format={format} />;
}

function Space({ item, format }: { item: ShownMedia; format: SpaceFormat }) {
  const scheme = useScheme();
  const file = useFileBlob(item, SPACE_BYTES_MAX);
  const shown = file.data;
  const content = useQuery({
    queryKey: ["space", shown?.path, shown?.blob.size],
    queryFn: async () => readContent(format, shown?.blob ?? new Blob()),
    enabled: shown !== undefined,
    gcTime: 0,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  const canvas = useRef<HTMLCanvasElement>(null);
  const [camera, setCamera] = useState<SpaceCamera | null>(null);
  const [facts, setFacts] = useState<Pick<SpaceScene, "legend"> & { text: string }>();
  const [failure, setFailure] = useState<unknown>(null);
  const { data } = content;
  useEffect(() => {
    let isLeft = false;
    let opened: SpaceCamera | null = null;
    const open = async () => {
      if (data === undefined) return;
      openRenderer();
      const { space, text } = await makeSpace(data, scheme);
      if (isLeft || canvas.current === null) return space.dispose();
      opened = new SpaceCamera(canvas.current, space);
      setCamera(opened);
      setFacts({ legend: space.legend, text });
      setFailure(null);
    };
    open().catch((error) => isLeft || setFailure(error));
    return () => {
      isLeft = true;
      opened?.close();
    };
  }, [data, scheme]);

  const error = file.error ?? content.error ?? failure;
  if (error !== null) {
    return <MediaDownload item={item} note={`This is not drawn. ${reasonOf(error)}`} />;
  }
  return (
    <div className={styles.rich}>
      <div className={styles.stage}>
        {facts === undefined && <Skeleton height="100%" />}
        <canvas
          ref={canvas}
          className={styles.canvas}
          tabIndex={0}
          role="img"
          aria-label={`${labelOfItem(item)}: ${facts?.text ?? "loading"}. Arrow keys turn it, + and - zoom, 0 resets.`}
        />
        {camera !== null && (
          <div className={styles.tools}>
            <IconButton icon="plus" label="Zoom in" onClick={() => camera.zoom(true)} />
            <IconButton icon="minus" label="Zoom out" onClick={() => camera.zoom(false)} />
            <IconButton icon="fit" label="Reset the view" onClick={() => camera.reset()} />
          </div>
        )}
      </div>
      {facts !== undefined && facts.legend.length > 0 && (
        <ul className={styles.legend} aria-label="Categories">
          {facts.legend.map(({ label, color }) => (
            <li key={label}>
              <span style={{ background: color }} />
              {label}
            </li>
          ))}
        </ul>
      )}
      {facts !== undefined && <p className={styles.hint}>{facts.text}</p>}
    </div>
  );
}

type Content =
  | { format: "points"; json: JsonValue }
  | { format: Exclude<SpaceFormat, "points">; bytes: ArrayBuffer };

async function readContent(format: SpaceFormat, blob: Blob): Promise<Content> {
  if (format !== "points") return { format, bytes: await blob.arrayBuffer() };
  const text = await blob.text();
  try {
    return { format, json: JSON.parse(text) as JsonValue };
  } catch {
    throw new Error("The file is not JSON.");
  }
}

async function makeSpace(
  content: Content,
  scheme: Scheme,
): Promise<{ space: SpaceScene; text: string }> {
  if (content.format === "points") {
    const cloud = readPointCloud(content.json);
    return { space: makeCloudScene(cloud, scheme), text: describeCloud(cloud) };
  }
  const model = await readModel(content.format, content.bytes, scheme);
  return { space: makeModelScene(model.object, model.up), text: describeModel(model) };
}
