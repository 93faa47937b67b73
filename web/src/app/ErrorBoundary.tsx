import { Component, type ReactNode, useEffect, useState } from "react";
import { serverPath } from "../api/base";
import { Button } from "../ui/Button";
import { EmptyState } from "../ui/EmptyState";
import { ErrorCard } from "../ui/ErrorCard";

/** What browsers say when a chunk of the page does not come: the server is away, or was upgraded under this tab. */
const MISSING_CHUNK = /dynamically imported module|importing a module script|preload css/i;

interface ErrorBoundaryProps {
  /** When it changes, the children get another chance: the address of the page. */
  resetKey?: string;
  children: ReactNode;
}

/** Keeps a page that stops working from taking the rest with it. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { error: unknown }> {
  override state: { error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { error: unknown } {
    return { error };
  }

  override componentDidUpdate(before: ErrorBoundaryProps): void {
    const isElsewhere = before.resetKey !== this.props.resetKey;
    if (isElsewhere && this.state.error !== null) this.setState({ error: null });
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    if (error instanceof Error && MISSING_CHUNK.test(error.message)) {
      return <MissingChunk />;
    }
    return (
      <ErrorCard
        error={error}
        title="This page stopped working"
        onRetry={() => this.setState({ error: null })}
      />
    );
  }
}

/** A chunk that failed once stays failed until the page is loaded anew, which only helps once the server answers. */
function MissingChunk() {
  const [isReachable, setReachable] = useState<boolean | null>(null);
  useEffect(() => {
    void canReachServer().then(setReachable);
  }, []);
  const retry = async () => {
    if (await canReachServer()) location.reload();
    else setReachable(false);
  };
  if (isReachable === null) return null;
  return isReachable ? (
    <EmptyState
      icon="undo"
      title="The server has a newer version"
      text="This tab still shows the old one and could not load the next page."
    >
      <Button look="primary" onClick={() => location.reload()}>
        Reload for the new version
      </Button>
    </EmptyState>
  ) : (
    <EmptyState
      icon="warning"
      title="The server cannot be reached"
      text="The next page could not be loaded. Nothing is lost: try again when the server is back."
    >
      <Button look="primary" onClick={retry}>
        Retry
      </Button>
    </EmptyState>
  );
}

async function canReachServer(): Promise<boolean> {
  try {
    return (await fetch(serverPath("/healthz"), { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}
