import type { ComponentType } from "react";
import { Navigate, type RouteObject, useLocation, useParams } from "react-router";
import { projectPath, runPath } from "../ui/paths";
import { AppShell } from "./AppShell";
import { NotFoundPage } from "./NotFoundPage";
import { PageLoading } from "./PageLoading";
import { RouteError } from "./RouteError";

type PageModule = Promise<{ default: ComponentType }>;

/** A page in its own chunk, loaded when first visited. */
function page(load: () => PageModule): Pick<RouteObject, "lazy"> {
  return { lazy: async () => ({ Component: (await load()).default }) };
}

export const routes: RouteObject[] = [
  {
    ErrorBoundary: RouteError,
    HydrateFallback: PageLoading,
    children: [
      { path: "/login", ...page(() => import("../features/auth/LoginPage")) },
      { path: "/authorize", ...page(() => import("../features/auth/AuthorizePage")) },
      {
        Component: AppShell,
        children: [
          {
            ErrorBoundary: RouteError,
            children: [
              { path: "/", ...page(() => import("../features/home/HomePage")) },
              { path: "/settings", element: <Navigate to="/settings/keys" replace /> },
              { path: "/settings/keys", ...page(() => import("../features/auth/KeysPage")) },
              { path: "/:entity", ...page(() => import("../features/entity/EntityPage")) },
              {
                path: "/:entity/:project",
                ...page(() => import("../features/workspace/WorkspacePage")),
              },
              { path: "/:entity/:project/workspace", Component: ToProject },
              { path: "/:entity/:project/runs", Component: ToProject },
              { path: "/:entity/:project/runs/:run", Component: ToOverview },
              {
                path: "/:entity/:project/runs/:run/:tab",
                ...page(() => import("../features/runs/RunPage")),
              },
              { path: "*", Component: NotFoundPage },
            ],
          },
        ],
      },
    ],
  },
];

/** The client prints addresses with "/workspace"; the project itself is that page. */
function ToProject() {
  const { entity = "", project = "" } = useParams();
  const { search, hash } = useLocation();
  return <Navigate to={projectPath(entity, project) + search + hash} replace />;
}

function ToOverview() {
  const { entity = "", project = "", run = "" } = useParams();
  const { search, hash } = useLocation();
  return <Navigate to={runPath({ entity, project, run }, "overview") + search + hash} replace />;
}
