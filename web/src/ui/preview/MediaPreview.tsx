import { useState } from "react";
import styles from "./FilePreview.module.css";
import { localUrl, type ShownFile } from "./fileContent";
import { Message } from "./Message";

export type LoadableFile = ShownFile & { url: string };

export function ImagePreview({ file }: { file: LoadableFile }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <Message text="The browser cannot show this image." />;
  return (
    <div className={styles.image}>
      <img
        src={localUrl(file.url)}
        alt={file.name}
        loading="lazy"
        onError={() => setBroken(true)}
      />
    </div>
  );
}

export function AudioPreview({ file }: { file: LoadableFile }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <Message text="The browser cannot play this sound." />;
  return (
    <div className={styles.media}>
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has written captions for what a run made */}
      <audio
        controls
        preload="metadata"
        src={localUrl(file.url)}
        aria-label={file.name}
        onError={() => setBroken(true)}
      />
    </div>
  );
}

export function VideoPreview({ file }: { file: LoadableFile }) {
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <Message text="The browser cannot play this video." />;
  return (
    <div className={styles.media}>
      {/* biome-ignore lint/a11y/useMediaCaption: nobody has written captions for what a run made */}
      <video
        controls
        preload="metadata"
        src={localUrl(file.url)}
        aria-label={file.name}
        onError={() => setBroken(true)}
      />
    </div>
  );
}
