import { useState } from "react";
import { Link, useNavigate } from "react-router";
import { useCanEdit } from "~/api/session";
import type { Version } from "~/api/types";
import { countOf } from "~/charts/format";
import { AliasChips } from "~/ui/AliasChips";
import { Button, IconButton, LinkButton } from "~/ui/Button";
import { copyText } from "~/ui/clipboard";
import { Icon } from "~/ui/Icon";
import { Menu, MenuItem, MenuSeparator } from "~/ui/Menu";
import { artifactsPath, type VersionAddress, versionPath } from "~/ui/paths";
import { useToast } from "~/ui/Toast";
import { Bytes, TimeAgo } from "~/ui/values";
import styles from "./ArtifactHeader.module.css";
import { DeleteVersionDialog } from "./DeleteVersionDialog";
import { RunLink } from "./RunLink";
import { UnlinkDialog } from "./UnlinkDialog";
import { VersionPicker } from "./VersionPicker";

interface ArtifactHeaderProps {
  address: VersionAddress;
  version: Version;
}

/** What it is at a glance, and what can be done with it. */
export function ArtifactHeader({ address, version }: ArtifactHeaderProps) {
  const { entity, project, type, name } = address;
  return (
    <header className={styles.header}>
      <div className={styles.title}>
        <Link
          className={styles.type}
          to={`${artifactsPath(entity, project)}?type=${encodeURIComponent(type)}`}
          title={`All of type ${type}`}
        >
          {type}
        </Link>
        <span className={styles.slash} aria-hidden="true">
          /
        </span>
        <h1 title={name}>
          {name} <span className={styles.version}>{version.version}</span>
        </h1>
        <AliasChips aliases={version.aliases} shownMax={4} />
        <div className={styles.actions}>
          <LinkButton icon="download" to={versionPath(address, "usage")}>
            Use
          </LinkButton>
          <CompareButton address={address} version={version} />
          <VersionMenu address={address} version={version} />
        </div>
      </div>
      <div className={styles.facts}>
        <span>
          <Bytes value={version.size_bytes} />
        </span>
        <span>{countOf(version.file_count, "file")}</span>
        <code title={`${version.digest_algorithm} ${version.digest}`}>
          {version.digest.slice(0, 12)}
        </code>
        <span className={styles.logged}>
          logged <TimeAgo us={version.created_at_us} />
          {version.created_by_run !== null ? (
            <>
              by <RunLink run={version.created_by_run} />
            </>
          ) : (
            version.created_by_user !== null && `by ${version.created_by_user}`
          )}
        </span>
        {version.kind === "portfolio" && <SourceLink version={version} />}
      </div>
    </header>
  );
}

function SourceLink({ version }: { version: Version }) {
  const { source } = version;
  return (
    <span className={styles.logged}>
      <Icon name="link" size={12} />
      <Link to={versionPath({ ...source, type: version.type })}>
        {source.name}:{source.version}
      </Link>
    </span>
  );
}

function CompareButton({ address, version }: ArtifactHeaderProps) {
  const [isChoosing, setChoosing] = useState(false);
  const navigate = useNavigate();
  return (
    <>
      <Button icon="compare" onClick={() => setChoosing(true)}>
        Compare
      </Button>
      {isChoosing && (
        <VersionPicker
          place={address}
          without={version.version}
          title={`Compare ${version.version} with`}
          onClose={() => setChoosing(false)}
          onChoose={(other) => {
            setChoosing(false);
            void navigate(`${versionPath(address, "diff")}?to=${encodeURIComponent(other)}`);
          }}
        />
      )}
    </>
  );
}

function VersionMenu({ address, version }: ArtifactHeaderProps) {
  const [isAsking, setAsking] = useState(false);
  const canEdit = useCanEdit(address.entity);
  const toast = useToast();
  const { entity, project, name } = address;
  const isLink = version.kind === "portfolio";
  const numbered = { ...address, version: version.version };
  const copy = async (text: string, what: string) =>
    toast((await copyText(text)) ? { text: `${what} copied.` } : { text: "Copy failed." });
  return (
    <>
      <Menu align="end" trigger={<IconButton icon="more" label="More actions" />}>
        <MenuItem
          icon="copy"
          onSelect={() => copy(`${entity}/${project}/${name}:${version.version}`, "Name")}
        >
          Copy full name
        </MenuItem>
        <MenuItem icon="copy" onSelect={() => copy(version.digest, "Digest")}>
          Copy digest
        </MenuItem>
        <MenuItem icon="link" onSelect={() => copy(location.href, "Link")}>
          Copy link
        </MenuItem>
        <MenuSeparator />
        <MenuItem icon="trash" isDanger isDisabled={!canEdit} onSelect={() => setAsking(true)}>
          {isLink ? "Remove the link" : "Delete version"}
        </MenuItem>
      </Menu>
      {isAsking &&
        (isLink ? (
          <UnlinkDialog address={numbered} version={version} onClose={() => setAsking(false)} />
        ) : (
          <DeleteVersionDialog address={numbered} onClose={() => setAsking(false)} />
        ))}
    </>
  );
}
