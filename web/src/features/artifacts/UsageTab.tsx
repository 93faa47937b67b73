import { useState } from "react";
import type { Version } from "~/api/types";
import { Card } from "~/ui/Card";
import { CodeBlock } from "~/ui/CodeBlock";
import type { VersionAddress } from "~/ui/paths";
import { Select } from "~/ui/Select";
import styles from "./UsageTab.module.css";
import { type ClientName, listSnippets } from "./usage";

interface UsageTabProps {
  address: VersionAddress;
  version: Version;
}

const CLIENTS = [
  { value: "wandb", label: "wandb" },
  { value: "steelyard", label: "steelyard" },
] as const;

/** Lines to paste: this very version, or whatever an alias points to. */
export default function UsageTab({ address, version }: UsageTabProps) {
  const [client, setClient] = useState<ClientName>("wandb");
  const [chosen, setChosen] = useState(version.version);
  const choices = [
    { value: version.version, label: `${version.version}, always the same` },
    ...version.aliases.map((alias) => ({ value: alias, label: `${alias}, wherever it points` })),
  ];
  const shown = choices.some((choice) => choice.value === chosen) ? chosen : version.version;
  return (
    <div className={styles.usage}>
      <div className={styles.toolbar}>
        <Select label="Version" value={shown} choices={choices} onChoose={setChosen} />
        <Select label="Client" value={client} choices={CLIENTS} onChoose={setClient} />
      </div>
      {listSnippets({ ...address, version: shown }, client).map((snippet) => (
        <Card key={snippet.title} title={snippet.title}>
          <div className={styles.snippet}>
            <p>{snippet.note}</p>
            <CodeBlock code={snippet.code} label={`Copy: ${snippet.title.toLowerCase()}`} />
          </div>
        </Card>
      ))}
    </div>
  );
}
