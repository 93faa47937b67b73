import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "react-router";
import { useHome } from "../api/recent";
import { signOut, useMe } from "../api/session";
import { chooseTheme, type ThemeChoice, useThemeChoice } from "../theme/theme";
import { IconButton } from "../ui/Button";
import { Icon, type IconName } from "../ui/Icon";
import { LiveDot } from "../ui/LiveDot";
import { Logo } from "../ui/Logo";
import { Menu, MenuChoice, MenuItem, MenuLabel, MenuSeparator } from "../ui/Menu";
import { artifactsPath, entityPath, projectPath, sweepsPath } from "../ui/paths";
import { Tabs } from "../ui/Tabs";
import styles from "./TopBar.module.css";

const THEMES: readonly { value: ThemeChoice; label: string; icon: IconName }[] = [
  { value: "system", label: "As the system", icon: "monitor" },
  { value: "light", label: "Light", icon: "sun" },
  { value: "dark", label: "Dark", icon: "moon" },
];
const RECENT_MAX = 12;

export function TopBar() {
  const { entity, project } = useParams();
  return (
    <header className={styles.bar}>
      <Link to="/" className={styles.home} aria-label="Steelyard home">
        <Logo />
      </Link>
      {entity !== undefined && (
        <nav className={styles.crumbs} aria-label="Project">
          <Link to={entityPath(entity)} className={styles.entity} title={entity}>
            {entity}
          </Link>
          {project !== undefined && (
            <>
              <span className={styles.slash} aria-hidden="true">
                /
              </span>
              <Link to={projectPath(entity, project)} className={styles.project} title={project}>
                {project}
              </Link>
              <ProjectSwitcher entity={entity} project={project} />
            </>
          )}
        </nav>
      )}
      {entity !== undefined && project !== undefined && (
        <Tabs
          label="Views of the project"
          tabs={[
            { to: projectPath(entity, project), label: "Charts", isExact: true },
            { to: sweepsPath(entity, project), label: "Sweeps" },
            { to: artifactsPath(entity, project), label: "Artifacts" },
          ]}
        />
      )}
      <div className={styles.end}>
        <LiveDot />
        <ThemeMenu />
        <UserMenu />
      </div>
    </header>
  );
}

function ProjectSwitcher({ entity, project }: { entity: string; project: string }) {
  const home = useHome();
  const others = (home.data?.projects ?? [])
    .filter((row) => row.entity !== entity || row.project !== project)
    .slice(0, RECENT_MAX);
  return (
    <Menu trigger={<IconButton icon="chevronsUpDown" label="Switch project" />}>
      <MenuLabel>Recent projects</MenuLabel>
      {others.map((row) => (
        <MenuItem
          key={`${row.entity}/${row.project}`}
          to={projectPath(row.entity, row.project)}
          icon="chart"
        >
          {row.entity === entity ? row.project : `${row.entity} / ${row.project}`}
        </MenuItem>
      ))}
      {others.length === 0 && <MenuItem isDisabled>No other project yet</MenuItem>}
      <MenuSeparator />
      <MenuItem to={entityPath(entity)} icon="list">
        All projects of {entity}
      </MenuItem>
    </Menu>
  );
}

function ThemeMenu() {
  const choice = useThemeChoice();
  const icon = THEMES.find((theme) => theme.value === choice)?.icon ?? "monitor";
  return (
    <Menu align="end" trigger={<IconButton icon={icon} label="Theme" />}>
      <MenuChoice label="Theme" value={choice} choices={THEMES} onChoose={chooseTheme} />
    </Menu>
  );
}

function UserMenu() {
  const me = useMe();
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const name = me.data?.username ?? "";
  const initials = name.slice(0, 2).toUpperCase();
  const leave = async () => {
    await signOut();
    // Nothing of the old user may stay on screen or in memory.
    await navigate("/login");
    queryClient.clear();
  };
  return (
    <Menu
      align="end"
      trigger={
        <button
          type="button"
          className={styles.user}
          aria-label={`${initials} Account of ${name}`.trim()}
        >
          {initials === "" ? <Icon name="user" size={14} /> : initials}
        </button>
      }
    >
      <MenuLabel>{me.data === undefined ? "Not signed in" : `Signed in as ${name}`}</MenuLabel>
      {me.data !== undefined && (
        <MenuItem to={entityPath(me.data.default_entity)} icon="list">
          My projects
        </MenuItem>
      )}
      <MenuItem to="/settings/keys" icon="key">
        API keys
      </MenuItem>
      <MenuSeparator />
      <MenuItem icon="logout" onSelect={leave}>
        Sign out
      </MenuItem>
      {me.data !== undefined && <MenuLabel>Steelyard {me.data.server.version}</MenuLabel>}
    </Menu>
  );
}
