import { type FormEvent, useState } from "react";
import type { ApiKey } from "../../api/types";
import { Button } from "../../ui/Button";
import { ConfirmDialog } from "../../ui/Dialog";
import { EmptyState } from "../../ui/EmptyState";
import { ErrorCard } from "../../ui/ErrorCard";
import { Field } from "../../ui/Input";
import { PageTitle } from "../../ui/PageTitle";
import { SkeletonRows } from "../../ui/Skeleton";
import table from "../../ui/Table.module.css";
import { useToast } from "../../ui/Toast";
import { TimeAgo } from "../../ui/values";
import styles from "./KeysPage.module.css";
import { NewKeyCard } from "./NewKeyCard";
import { useCreateKey, useKeys, useRevokeKey } from "./queries";

export default function KeysPage() {
  const keys = useKeys();
  return (
    <div className={styles.page}>
      <PageTitle title="API keys" />
      <header className={styles.header}>
        <h1>API keys</h1>
        <p>
          Scripts sign in with a key instead of your password. One key per computer is a good habit.
        </p>
      </header>
      <NewKeyForm />
      {keys.isPending && <SkeletonRows count={3} />}
      {keys.isError && (
        <ErrorCard error={keys.error} title="Your keys could not be read" onRetry={keys.refetch} />
      )}
      {keys.isSuccess && keys.data.items.length === 0 && (
        <EmptyState icon="key" title="No keys yet" text="Create one above to log from a script." />
      )}
      {keys.isSuccess && keys.data.items.length > 0 && <KeyTable keys={keys.data.items} />}
    </div>
  );
}

function NewKeyForm() {
  const creation = useCreateKey();
  const [name, setName] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    creation.mutate(name.trim(), { onSuccess: () => setName("") });
  };
  return (
    <section className={styles.create} aria-label="New key">
      <form onSubmit={submit}>
        <Field
          label="New key for"
          placeholder="for example: gpu-server-3"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={creation.error?.message ?? null}
          maxLength={64}
        />
        <Button type="submit" look="primary" icon="plus" isBusy={creation.isPending}>
          Create a key
        </Button>
      </form>
      {creation.isSuccess && <NewKeyCard apiKey={creation.data.key} />}
    </section>
  );
}

function KeyTable({ keys }: { keys: readonly ApiKey[] }) {
  const [doomed, setDoomed] = useState<ApiKey | null>(null);
  const revocation = useRevokeKey();
  const toast = useToast();
  const close = () => {
    setDoomed(null);
    revocation.reset();
  };
  const revoke = () => {
    if (doomed === null) return;
    revocation.mutate(doomed.id, {
      onSuccess: () => {
        toast({ text: `The key ${labelOf(doomed)} is revoked.` });
        close();
      },
    });
  };
  return (
    <>
      <div className={table.frame}>
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Key</th>
              <th scope="col">Created</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span className="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {keys.map((key) => (
              <tr key={key.id}>
                <td className={table.strong}>{key.name === "" ? "unnamed" : key.name}</td>
                <td>
                  <code title="The end of the key">…{key.hint}</code>
                </td>
                <td>
                  <TimeAgo us={key.created_at_us} />
                </td>
                <td>
                  {key.last_used_at_us === null ? "never" : <TimeAgo us={key.last_used_at_us} />}
                </td>
                <td className={table.end}>
                  <Button
                    look="ghost"
                    aria-label={`Revoke the key ${labelOf(key)}`}
                    onClick={() => setDoomed(key)}
                  >
                    Revoke
                  </Button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <ConfirmDialog
        title="Revoke this key?"
        description={`Scripts that use ${doomed === null ? "it" : labelOf(doomed)} are refused from now on. This cannot be undone.`}
        action="Revoke the key"
        isOpen={doomed !== null}
        isBusy={revocation.isPending}
        error={revocation.error?.message ?? null}
        onClose={close}
        onConfirm={revoke}
      />
    </>
  );
}

function labelOf(key: ApiKey): string {
  return key.name === "" ? `…${key.hint}` : key.name;
}
