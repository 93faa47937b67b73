import { useEffect, useRef, useState } from "react";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { CSV_ROWS_MAX, makeCsv, saveBlob } from "./csv";
import type { RowsQuery } from "./queries";

interface DownloadDialogProps {
  query: RowsQuery;
  total: number;
  name: string;
  onClose: () => void;
}

const count = (value: number) => value.toLocaleString("en-US");

/** The rows found now as a CSV file. The browser reads them page by page, so it takes only so many. */
export function DownloadDialog({ query, total, name, onClose }: DownloadDialogProps) {
  const [done, setDone] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);
  const wanted = Math.min(total, CSV_ROWS_MAX);

  const start = async () => {
    const controller = new AbortController();
    abort.current = controller;
    setProblem(null);
    setDone(0);
    try {
      const csv = await makeCsv(query, { total, signal: controller.signal, onRows: setDone });
      if (controller.signal.aborted) return;
      saveBlob(csv, `${name}.csv`);
      onClose();
    } catch (error) {
      if (controller.signal.aborted) return;
      setProblem(error instanceof Error ? error.message : String(error));
      setDone(null);
    }
  };
  return (
    <Dialog
      title="Download as CSV"
      description={
        total > CSV_ROWS_MAX
          ? `Your browser collects the first ${count(CSV_ROWS_MAX)} of ${count(total)} rows. For all of them save the rows as a dataset, or download the file itself.`
          : `Your browser collects the ${count(total)} rows found now, with the shown columns. Media are written as the paths of their files.`
      }
      isOpen
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" icon="download" isBusy={done !== null} onClick={start}>
            Download {count(wanted)} rows
          </Button>
        </>
      }
    >
      {done !== null && (
        <p role="status">
          <progress value={done} max={wanted} aria-label="Rows read" /> {count(done)} of{" "}
          {count(wanted)} rows
        </p>
      )}
      {problem !== null && <p role="alert">{problem}</p>}
    </Dialog>
  );
}
