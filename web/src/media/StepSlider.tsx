import { useEffect, useState } from "react";
import { IconButton } from "../ui/Button";
import styles from "./StepSlider.module.css";

interface StepSliderProps {
  /** What is at the steps. */
  label: string;
  /** Rising. */
  steps: readonly number[];
  /** Place among the steps. */
  at: number;
  onGo: (at: number) => void;
  /** The next step waits until this one is on screen. */
  isBusy: boolean;
}

const PLAY_MS = 700;

/** Goes through the steps of a key: by dragging, with the arrow keys, or by itself. */
export function StepSlider({ label, steps, at, onGo, isBusy }: StepSliderProps) {
  const [isPlaying, setPlaying] = useState(false);
  const last = steps.length - 1;
  const step = steps[at] ?? 0;
  useEffect(() => {
    if (!isPlaying || isBusy) return;
    const timer = setTimeout(() => {
      if (at >= last) setPlaying(false);
      else onGo(at + 1);
    }, PLAY_MS);
    return () => clearTimeout(timer);
  }, [isPlaying, isBusy, at, last, onGo]);
  if (steps.length < 2) {
    return <p className={styles.only}>step {step.toLocaleString("en-US")}</p>;
  }
  const play = () => {
    if (!isPlaying && at >= last) onGo(0);
    setPlaying(!isPlaying);
  };
  return (
    <div className={styles.slider}>
      <IconButton
        icon={isPlaying ? "pause" : "play"}
        label={isPlaying ? `Pause ${label}` : `Play ${label}`}
        onClick={play}
      />
      <input
        type="range"
        aria-label={`Step of ${label}`}
        aria-valuetext={`step ${step}`}
        min={0}
        max={last}
        value={at}
        onChange={(event) => {
          setPlaying(false);
          onGo(Number(event.currentTarget.value));
        }}
      />
      <output className={styles.step} aria-label={`Shown step of ${label}`}>
        step {step.toLocaleString("en-US")}
      </output>
    </div>
  );
}
