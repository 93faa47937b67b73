import { Link } from "react-router";
import type { Collection } from "~/api/types";
import { AliasChips } from "~/ui/AliasChips";
import { versionPath } from "~/ui/paths";
import table from "~/ui/Table.module.css";
import { Bytes, TimeAgo } from "~/ui/values";
import styles from "./CollectionTable.module.css";
import { RunLink } from "./RunLink";

/** Collections as rows; the name leads to the newest version. */
export function CollectionTable({ collections }: { collections: readonly Collection[] }) {
  return (
    <div className={table.frame}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Type</th>
            <th scope="col">Newest version</th>
            <th scope="col" className={table.number}>
              Versions
            </th>
            <th scope="col" className={table.number}>
              Size
            </th>
            <th scope="col">Changed</th>
            <th scope="col">First logged by</th>
          </tr>
        </thead>
        <tbody>
          {collections.map((collection) => (
            <Row key={collection.name} collection={collection} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ collection }: { collection: Collection }) {
  const { name, type, latest } = collection;
  const address = { ...collection, version: latest?.version ?? "latest" };
  return (
    <tr>
      <td className={table.strong}>
        <Link
          to={versionPath(address, latest === null ? "versions" : "overview")}
          title={collection.description ? `${name}\n${collection.description}` : name}
        >
          {name}
        </Link>
        {collection.kind === "portfolio" && (
          <span
            className={styles.portfolio}
            title="A set of links to versions of other collections"
          >
            links
          </span>
        )}
        {collection.tags.map((tag) => (
          <span key={tag} className={styles.tag}>
            {tag}
          </span>
        ))}
      </td>
      <td className={styles.type} title={type}>
        {type}
      </td>
      <td>
        {latest === null ? (
          "none"
        ) : (
          <span className={styles.latest}>
            {latest.version}
            <AliasChips aliases={latest.aliases} shownMax={2} />
          </span>
        )}
      </td>
      <td className={table.number}>{collection.version_count.toLocaleString("en-US")}</td>
      <td className={table.number}>
        <Bytes value={collection.size_bytes} />
      </td>
      <td>
        <TimeAgo us={collection.updated_at_us} />
      </td>
      <td className={styles.run}>
        {collection.created_by_run === null ? "–" : <RunLink run={collection.created_by_run} />}
      </td>
    </tr>
  );
}
