import { type FormEvent, useRef } from "react";
import { useNavigate, useSearchParams } from "react-router";
import { ApiError } from "../../api/client";
import { Button } from "../../ui/Button";
import { Field } from "../../ui/Input";
import { PageTitle } from "../../ui/PageTitle";
import { parseNextPath } from "../../ui/paths";
import { EntryPage } from "./EntryPage";
import styles from "./EntryPage.module.css";
import { useSignIn } from "./queries";

export default function LoginPage() {
  const [search] = useSearchParams();
  const navigate = useNavigate();
  const password = useRef<HTMLInputElement>(null);
  const entry = useSignIn();

  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    entry.mutate(
      { username: String(form.get("username")).trim(), password: String(form.get("password")) },
      {
        onSuccess: () => navigate(parseNextPath(search.get("next")), { replace: true }),
        onError: () => password.current?.select(),
      },
    );
  };

  return (
    <EntryPage
      title="Sign in to Steelyard"
      footer={
        <>
          Just started this server? Open the one-time link that <code>steelyard up</code> printed in
          its terminal: it signs you in without a password.
        </>
      }
    >
      <PageTitle title="Sign in" />
      {search.get("problem") === "link" && (
        <p className={styles.notice} role="alert">
          That sign-in link was used before or is too old. Sign in with your password instead.
        </p>
      )}
      <form className={styles.form} onSubmit={submit}>
        <Field
          label="User name or email"
          name="username"
          autoComplete="username"
          autoFocus
          required
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autoComplete="current-password"
          ref={password}
          error={entry.error === null ? null : describe(entry.error)}
          required
        />
        <Button type="submit" look="primary" isBusy={entry.isPending}>
          Sign in
        </Button>
      </form>
    </EntryPage>
  );
}

function describe(error: Error): string {
  if (!(error instanceof ApiError)) return error.message;
  return [error.message, error.hint].filter((part) => part !== null).join(" ");
}
