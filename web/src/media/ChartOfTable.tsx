import { useMemo } from "react";
import { Link } from "react-router";
import { Plot } from "../charts/plots/Plot";
import { tablePath } from "../tables/refs";
import { ErrorCard } from "../ui/ErrorCard";
import { Skeleton } from "../ui/Skeleton";
import styles from "./ChartOfTable.module.css";
import { type CustomChart, makePlot } from "./customCharts";
import { useChartRows } from "./queries";

interface ChartOfTableProps {
  chart: CustomChart;
  tableRef: string;
  place: { entity: string; project: string };
  width: number;
  height: number;
}

/** A chart that a script made, drawn from its table. */
export function ChartOfTable({ chart, tableRef, place, width, height }: ChartOfTableProps) {
  const rows = useChartRows(tableRef);
  const plot = useMemo(
    () => (rows.data === undefined ? null : makePlot(chart, rows.data)),
    [chart, rows.data],
  );
  if (rows.isPending) return <Skeleton height={height} />;
  if (rows.isError) {
    return (
      <ErrorCard
        error={rows.error}
        title="The chart's table could not be read"
        onRetry={rows.refetch}
      />
    );
  }
  const missing = rows.data.total - rows.data.rows.length;
  return (
    <div className={styles.chart}>
      {plot === null ? (
        <p className={styles.note}>The table has not the columns that this chart needs.</p>
      ) : (
        <Plot title={chart.title || chart.key} data={plot} width={width} height={height} />
      )}
      <p className={styles.note}>
        {missing > 0 && `The first ${rows.data.rows.length.toLocaleString("en-US")} rows. `}
        <Link to={tablePath(place.entity, place.project, tableRef)}>Open the table</Link>
      </p>
    </div>
  );
}
