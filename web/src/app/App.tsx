import { lazy, Suspense } from "react";
import { Navigate, Route, Routes, useLocation, useParams } from "react-router";
import { projectPath, runPath } from "../ui/paths";
import { AppShell } from "./AppShell";
import { ErrorBoundary } from "./ErrorBoundary";
import { NotFoundPage } from "./NotFoundPage";

// Each page is a chunk of its own, loaded when it is first visited. BrowserRouter and lazy() instead of a data
// router: 16 KB less before the first paint, and its loaders would be a second cache beside TanStack Query.
const LoginPage = lazy(() => import("../features/auth/LoginPage"));
const AuthorizePage = lazy(() => import("../features/auth/AuthorizePage"));
const KeysPage = lazy(() => import("../features/auth/KeysPage"));
const HomePage = lazy(() => import("../features/home/HomePage"));
const EntityPage = lazy(() => import("../features/entity/EntityPage"));
const WorkspacePage = lazy(() => import("../features/workspace/WorkspacePage"));
const RunPage = lazy(() => import("../features/runs/RunPage"));
const ArtifactsPage = lazy(() => import("../features/artifacts/ArtifactsPage"));
const ArtifactPage = lazy(() => import("../features/artifacts/ArtifactPage"));
const ArtifactResolvePage = lazy(() => import("../features/artifacts/ResolvePage"));
const ArtifactTrashPage = lazy(() => import("../features/artifacts/TrashPage"));
const SweepPages = lazy(() => import("../features/sweeps/SweepPages"));
const TablePage = lazy(() => import("../features/tables/TablePage"));

export function App() {
  return (
    <ErrorBoundary>
      <Suspense>
        <Routes>
          <Route path="/login" element={<LoginPage />} />
          <Route path="/authorize" element={<AuthorizePage />} />
          <Route element={<AppShell />}>
            <Route path="/" element={<HomePage />} />
            <Route path="/settings" element={<Navigate to="/settings/keys" replace />} />
            <Route path="/settings/keys" element={<KeysPage />} />
            <Route path="/:entity" element={<EntityPage />} />
            <Route path="/:entity/:project" element={<WorkspacePage />} />
            <Route path="/:entity/:project/workspace" element={<ToProject />} />
            <Route path="/:entity/:project/runs" element={<ToProject />} />
            <Route path="/:entity/:project/runs/:run" element={<ToOverview />} />
            <Route path="/:entity/:project/runs/:run/:tab" element={<RunPage />} />
            <Route path="/:entity/:project/artifacts">
              <Route index element={<ArtifactsPage />} />
              <Route path=":first/:second?/:third?" element={<ArtifactResolvePage />} />
              <Route path=":type/:name/:version/:tab" element={<ArtifactPage />} />
            </Route>
            <Route path="/:entity/:project/artifact-trash" element={<ArtifactTrashPage />} />
            <Route path="/:entity/:project/sweeps/*" element={<SweepPages />} />
            <Route path="/:entity/:project/tables/:ref" element={<TablePage />} />
            <Route path="*" element={<NotFoundPage />} />
          </Route>
        </Routes>
      </Suspense>
    </ErrorBoundary>
  );
}

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
