import "../theme/tokens.css";
import "../theme/base.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, RouterProvider } from "react-router";
import { readBasePath } from "../api/base";
import { LiveStatusProvider } from "../ui/LiveDot";
import { loginPath } from "../ui/paths";
import { ToastProvider } from "../ui/Toast";
import { TooltipProvider } from "../ui/Tooltip";
import { makeQueryClient } from "./queryClient";
import { routes } from "./routes";

const router = createBrowserRouter(routes, { basename: readBasePath() || "/" });

const queryClient = makeQueryClient({
  onSignedOut: () => {
    const { pathname, search, hash } = router.state.location;
    if (pathname === "/login") return;
    void router.navigate(loginPath(pathname + search + hash), { replace: true });
  },
});

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <TooltipProvider delayDuration={400}>
        <LiveStatusProvider>
          <ToastProvider>
            <RouterProvider router={router} />
          </ToastProvider>
        </LiveStatusProvider>
      </TooltipProvider>
    </QueryClientProvider>
  </StrictMode>,
);
