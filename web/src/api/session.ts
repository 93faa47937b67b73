/** Who is signed in. */

import { useQuery } from "@tanstack/react-query";
import { request } from "./client";
import type { Me } from "./types";

export function useMe() {
  return useQuery({
    queryKey: ["me"],
    queryFn: ({ signal }) => request<Me>("/api/v1/me", { signal }),
    staleTime: 5 * 60_000,
  });
}

/** Whether the person may change things of `entity`; false until it is known. The server decides again. */
export function useCanEdit(entity: string): boolean {
  const me = useMe().data;
  if (me === undefined) return false;
  const role = me.entities.find((mine) => mine.name === entity)?.role;
  return me.is_admin || (role !== undefined && role !== "viewer");
}

export function signIn(username: string, password: string): Promise<void> {
  return request("/api/v1/login", { method: "POST", body: { username, password } });
}

export function signOut(): Promise<void> {
  return request("/api/v1/logout", { method: "POST" });
}
