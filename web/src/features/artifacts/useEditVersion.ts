import type { Version, VersionPatch } from "~/api/types";
import { useToast } from "~/ui/Toast";
import { usePatchVersion, type VersionPlace } from "./queries";
import { TTL_INHERIT, TTL_NEVER } from "./TtlFact";

/** Saves one change at a time, offers to undo it, and says when the server refused. */
export function useEditVersion(place: VersionPlace, version: Version) {
  // By number: an alias that is moved away would lead to another version.
  const patch = usePatchVersion({ ...place, version: version.version });
  const toast = useToast();

  const send = (change: VersionPatch, said?: string, undo?: VersionPatch) =>
    patch.mutate(change, {
      onSuccess: () => {
        if (said === undefined) return;
        toast({ text: said, ...(undo === undefined ? {} : { undo: () => send(undo) }) });
      },
      onError: (error) => toast({ text: `Not saved: ${error.message}`, tone: "error" }),
    });

  return {
    describe: (description: string) =>
      send({ description }, "Description saved.", { description: version.description ?? "" }),
    setAliases: (aliases: readonly string[]) => {
      const { added, removed } = compare(version.aliases, aliases);
      // No undo: an alias that was added may have been taken from another version.
      send({ aliases_add: added, aliases_remove: removed }, "Aliases saved.");
    },
    setTags: (tags: readonly string[]) => {
      const { added, removed } = compare(version.tags, tags);
      send({ tags_add: added, tags_remove: removed }, "Tags saved.", {
        tags_add: removed,
        tags_remove: added,
      });
    },
    setTtl: (ttlS: number) => {
      const own = version.ttl_s ?? TTL_NEVER;
      send({ ttl_s: ttlS }, "Expiry saved.", {
        ttl_s: version.ttl_is_inherited ? TTL_INHERIT : own,
      });
    },
  };
}

function compare(before: readonly string[], after: readonly string[]) {
  return {
    added: after.filter((name) => !before.includes(name)),
    removed: before.filter((name) => !after.includes(name)),
  };
}
