import { serverPath } from "../api/base";
import { Button } from "../ui/Button";
import buttons from "../ui/Button.module.css";
import { classes } from "../ui/classes";
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { CSV_QUESTION_CHARS_MAX, writeCsvPath } from "./csvAddress";
import type { RowsQuery } from "./queries";

interface DownloadDialogProps {
  query: RowsQuery;
  total: number;
  name: string;
  onClose: () => void;
}

/** The rows found now as a CSV file, which the server sends while it writes it: however many there are. */
export function DownloadDialog({ query, total, name, onClose }: DownloadDialogProps) {
  const rows = `${total.toLocaleString("en-US")} ${total === 1 ? "row" : "rows"}`;
  const path = writeCsvPath(query, name);
  return (
    <Dialog
      title="Download as CSV"
      description={`The ${rows} found now, in their order and with the shown columns. Media are written as the paths of their files.`}
      isOpen
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          {path !== null && (
            <a
              className={classes(buttons.button, buttons.primary)}
              href={serverPath(path)}
              download={`${name}.csv`}
              onClick={onClose}
            >
              <Icon name="download" size={14} />
              Download {rows}
            </a>
          )}
        </>
      }
    >
      {path === null && (
        <p role="alert">
          The filters and columns take more than {CSV_QUESTION_CHARS_MAX.toLocaleString("en-US")}{" "}
          characters, too many for an address. Show fewer columns or take shorter lists, or save the
          rows as a dataset.
        </p>
      )}
    </Dialog>
  );
}
