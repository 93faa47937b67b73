import { isRouteErrorResponse, useRouteError } from "react-router";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { ErrorCard } from "../ui/ErrorCard";
import { NotFoundPage } from "./NotFoundPage";

/** What browsers say when a chunk of the page is gone: the server was upgraded under this tab. */
const MISSING_CHUNK = /dynamically imported module|importing a module script|preload css/i;

export function RouteError() {
  const error = useRouteError();
  if (isRouteErrorResponse(error) && error.status === 404) return <NotFoundPage />;
  if (error instanceof Error && MISSING_CHUNK.test(error.message)) {
    return (
      <EmptyState
        icon="undo"
        title="The server has a newer version"
        text="This tab still shows the old one and could not load the next page."
      >
        <Button look="primary" onClick={() => location.reload()}>
          Reload for the new version
        </Button>
      </EmptyState>
    );
  }
  return (
    <ErrorCard error={error} title="This page stopped working" onRetry={() => location.reload()} />
  );
}
