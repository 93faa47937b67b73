/**
 * The one animation-frame loop of all charts.
 *
 * A chart asks to be drawn as often as it likes; it is drawn at most once a frame. When drawing takes longer than the
 * budget, the rest waits for the next frame, so many charts appear one after another instead of blocking the page.
 * Where there is no GPU most of the work is done after our code returned; frames that come late show it, and fewer
 * charts are then drawn in each.
 */

export const FRAME_BUDGET_MS = 10;
const LATE_FRAME_MS = 40;
const BATCH_MAX = 64;

const jobs = new Map<object, () => void>();
let isPlanned = false;
let batch = 8;
let lastFrameMs = Number.NEGATIVE_INFINITY;

/** Runs `job` in the next frame, instead of an earlier job of the same owner. */
export function scheduleDraw(owner: object, job: () => void): void {
  jobs.set(owner, job);
  plan();
}

export function cancelDraw(owner: object): void {
  jobs.delete(owner);
}

function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  requestAnimationFrame(drawFrame);
}

function drawFrame(): void {
  isPlanned = false;
  const startMs = performance.now();
  adaptBatch(startMs - lastFrameMs);
  let drawn = 0;
  for (const [owner, job] of jobs) {
    jobs.delete(owner);
    try {
      job();
    } catch (error) {
      // One broken chart must not stop the others; the page's error reporting still sees it.
      reportError(error);
    }
    drawn += 1;
    if (drawn >= batch || performance.now() >= startMs + FRAME_BUDGET_MS) break;
  }
  lastFrameMs = startMs;
  if (jobs.size > 0) plan();
  else lastFrameMs = Number.NEGATIVE_INFINITY;
}

/** Learns from the time since the last frame of a row of frames; a first frame says nothing. */
function adaptBatch(sinceLastMs: number): void {
  if (!Number.isFinite(sinceLastMs)) return;
  if (sinceLastMs > LATE_FRAME_MS) batch = Math.max(1, batch >> 1);
  else batch = Math.min(BATCH_MAX, batch * 2);
}
