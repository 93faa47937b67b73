import type { SweepDetail, TrialColumns } from "../data";
import type { TrialSelection } from "../selection";

export interface AnalysisProps {
  sweep: SweepDetail;
  columns: TrialColumns;
  selection: TrialSelection;
}

/** What can be learned of a sweep. */
export default function Analysis({ columns }: AnalysisProps) {
  return <p>{columns.count.toLocaleString("en-US")} trials</p>;
}
