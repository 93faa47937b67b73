import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { pathOf, request } from "../../api/client";
import { signIn } from "../../api/session";
import type { ApiKey, ApiKeys, NewApiKey } from "../../api/types";

const KEYS = ["keys"];

export function useKeys() {
  return useQuery({
    queryKey: KEYS,
    queryFn: ({ signal }) => request<ApiKeys>("/api/v1/keys", { signal }),
  });
}

export function useCreateKey() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (name: string) =>
      request<NewApiKey>("/api/v1/keys", { method: "POST", body: { name } }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: KEYS }),
    // The answer holds a secret: it is forgotten with the page that shows it.
    gcTime: 0,
  });
}

export function useRevokeKey() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: (id: ApiKey["id"]) =>
      request<void>(`/api/v1/keys${pathOf(String(id))}`, { method: "DELETE" }),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: KEYS }),
  });
}

export function useSignIn() {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: ({ username, password }: { username: string; password: string }) =>
      signIn(username, password),
    onSuccess: () => queryClient.clear(),
    meta: { isSigningIn: true },
  });
}
