import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "../api/client";

const RETRIES_MAX = 2;
const STALE_MS = 5_000;

/** Server state for the whole app. `onSignedOut` is called when any answer says that the session is over. */
export function makeQueryClient({ onSignedOut }: { onSignedOut: () => void }): QueryClient {
  const onError = (error: unknown) => {
    if (error instanceof ApiError && error.status === 401) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({
      onError: (error, _variables, _result, mutation) => {
        if (mutation.meta?.isSigningIn !== true) onError(error);
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: STALE_MS,
        retry: (failures, error) =>
          failures < RETRIES_MAX && error instanceof ApiError && error.retryable,
      },
    },
  });
}
