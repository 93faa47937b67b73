/**
 * The one animation-frame loop of all charts.
 *
 * A chart asks to be drawn as often as it likes; it is drawn at most once a frame. When drawing takes longer than the
 * budget, the rest waits for the next frame, so many charts appear one after another instead of blocking the page.
 */

export const FRAME_BUDGET_MS = 10;

const jobs = new Map<object, () => void>();
let isPlanned = false;

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
  const endMs = performance.now() + FRAME_BUDGET_MS;
  for (const [owner, job] of jobs) {
    jobs.delete(owner);
    try {
      job();
    } catch (error) {
      // One broken chart must not stop the others; the page's error reporting still sees it.
      reportError(error);
    }
    if (performance.now() >= endMs) break;
  }
  if (jobs.size > 0) plan();
}
