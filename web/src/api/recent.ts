/** Projects and runs of late: the home page and the project switcher show the same answer. */

import { useQuery } from "@tanstack/react-query";
import { request } from "./client";
import type { Home } from "./types";

const REFRESH_MS = 15_000;

export function useHome() {
  return useQuery({
    queryKey: ["home"],
    queryFn: ({ signal }) => request<Home>("/api/v1/home", { signal }),
    refetchInterval: REFRESH_MS,
  });
}
