import { useDeferredValue, useState } from "react";
import { AliasChips } from "~/ui/AliasChips";
import { Button } from "~/ui/Button";
import { Dialog } from "~/ui/Dialog";
import { SearchInput } from "~/ui/Input";
import { SkeletonRows } from "~/ui/Skeleton";
import { TimeAgo } from "~/ui/values";
import { type CollectionPlace, joinPages, useVersions } from "./queries";
import styles from "./VersionPicker.module.css";

interface VersionPickerProps {
  place: CollectionPlace;
  /** The version that is no choice. */
  without: string;
  title: string;
  onClose: () => void;
  onChoose: (version: string) => void;
}

/** Asks for another version of the collection. */
export function VersionPicker({ place, without, title, onClose, onChoose }: VersionPickerProps) {
  const [search, setSearch] = useState("");
  const versions = useVersions(place, useDeferredValue(search.trim()));
  const items = joinPages(versions.data).items.filter((item) => item.version !== without);
  return (
    <Dialog title={title} isOpen onClose={onClose}>
      <SearchInput label="Search versions, aliases and tags" value={search} onText={setSearch} />
      {versions.isPending && <SkeletonRows count={5} label="Loading the versions" />}
      {versions.isError && items.length === 0 && (
        <p role="alert">The versions could not be read: {versions.error.message}</p>
      )}
      {versions.isSuccess && items.length === 0 && (
        <p className={styles.none}>
          {search === "" ? "This is the only version so far." : "No version matches."}
        </p>
      )}
      <ul className={styles.versions} aria-label="Versions to choose">
        {items.map((item) => (
          <li key={item.version}>
            <button type="button" onClick={() => onChoose(item.version)}>
              <span>{item.version}</span>
              <AliasChips aliases={item.aliases} shownMax={3} />
              <span className={styles.time}>
                <TimeAgo us={item.created_at_us} />
              </span>
            </button>
          </li>
        ))}
      </ul>
      {versions.hasNextPage && (
        <Button isBusy={versions.isFetchingNextPage} onClick={() => versions.fetchNextPage()}>
          Show more versions
        </Button>
      )}
    </Dialog>
  );
}
