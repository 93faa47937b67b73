import { Link } from "react-router";
import type { ProjectRow } from "../api/types";
import { entityPath, projectPath } from "./paths";
import { StatusDot } from "./StatusDot";
import table from "./Table.module.css";
import { TimeAgo } from "./values";

export function ProjectTable({
  projects,
  withEntity = false,
}: {
  projects: readonly ProjectRow[];
  withEntity?: boolean;
}) {
  return (
    <div className={table.frame}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Project</th>
            {withEntity && <th scope="col">Owner</th>}
            <th scope="col" className={table.number}>
              Runs
            </th>
            <th scope="col">Running</th>
            <th scope="col">Last activity</th>
          </tr>
        </thead>
        <tbody>
          {projects.map((row) => (
            <tr key={`${row.entity}/${row.project}`}>
              <td className={table.strong}>
                <Link to={projectPath(row.entity, row.project)} title={row.project}>
                  {row.project}
                </Link>
              </td>
              {withEntity && (
                <td>
                  <Link to={entityPath(row.entity)}>{row.entity}</Link>
                </td>
              )}
              <td className={table.number}>{row.run_count.toLocaleString("en-US")}</td>
              <td>
                {row.running_count > 0 ? (
                  <span className={table.link}>
                    <StatusDot state="running" />
                    <span>{row.running_count.toLocaleString("en-US")}</span>
                  </span>
                ) : (
                  "–"
                )}
              </td>
              <td>
                <TimeAgo us={row.last_activity_us} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
