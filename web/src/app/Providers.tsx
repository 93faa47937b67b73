import { QueryClientProvider } from "@tanstack/react-query";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { LiveStatusProvider } from "../ui/LiveDot";
import { loginPath } from "../ui/paths";
import { ToastProvider } from "../ui/Toast";
import { makeQueryClient } from "./queryClient";

export function Providers({ children }: { children: ReactNode }) {
  const goToLogin = useLoginRedirect();
  const [queryClient] = useState(() => makeQueryClient({ onSignedOut: () => goToLogin.current() }));
  return (
    <QueryClientProvider client={queryClient}>
      <LiveStatusProvider>
        <ToastProvider>{children}</ToastProvider>
      </LiveStatusProvider>
    </QueryClientProvider>
  );
}

/** Goes to the login page and remembers where one was. */
function useLoginRedirect() {
  const navigate = useNavigate();
  const { pathname, search, hash } = useLocation();
  const redirect = useRef(() => {});
  useEffect(() => {
    redirect.current = () => {
      if (pathname === "/login") return;
      void navigate(loginPath(pathname + search + hash), { replace: true });
    };
  });
  return redirect;
}
