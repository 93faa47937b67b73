import { type FormEvent, useState } from "react";
import { useMe } from "../../api/session";
import { Button, LinkButton } from "../../ui/Button";
import { ErrorCard } from "../../ui/ErrorCard";
import { Field } from "../../ui/Input";
import { PageTitle } from "../../ui/PageTitle";
import { Skeleton } from "../../ui/Skeleton";
import { EntryPage } from "./EntryPage";
import styles from "./EntryPage.module.css";
import { NewKeyCard } from "./NewKeyCard";
import { useCreateKey } from "./queries";

/** Where `wandb login` sends people: makes one key and shows it once. */
export default function AuthorizePage() {
  const me = useMe();
  const creation = useCreateKey();
  const [name, setName] = useState("my computer");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    creation.mutate(name.trim());
  };

  return (
    <EntryPage
      title={creation.isSuccess ? "Your new API key" : "Connect a computer"}
      text={
        creation.isSuccess
          ? "Paste it where wandb login waits for it. It is shown this one time only."
          : "Scripts sign in with an API key. Make one for the computer that asked for it."
      }
      footer={
        me.data !== undefined && (
          <>
            Signed in as <strong>{me.data.username}</strong>
          </>
        )
      }
    >
      <PageTitle title="Authorize" />
      {me.isPending && <Skeleton height={110} />}
      {me.isError && (
        <ErrorCard error={me.error} title="Could not sign you in" onRetry={me.refetch} />
      )}
      {me.isSuccess && !creation.isSuccess && (
        <form className={styles.form} onSubmit={submit}>
          <Field
            label="Name of the key"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            help="So that you know later which key to revoke."
            error={creation.error?.message ?? null}
            maxLength={64}
            autoFocus
          />
          <Button type="submit" look="primary" icon="key" isBusy={creation.isPending}>
            Create a key
          </Button>
        </form>
      )}
      {creation.isSuccess && (
        <>
          <NewKeyCard apiKey={creation.data.key} />
          <div className={styles.again}>
            <LinkButton to="/settings/keys" look="ghost">
              All your keys
            </LinkButton>
            <LinkButton to="/">Go to your projects</LinkButton>
          </div>
        </>
      )}
    </EntryPage>
  );
}
