/** Lines to paste that use a version of an artifact. */

export interface UsedVersion {
  entity: string;
  project: string;
  name: string;
  /** A number like v3, or an alias. */
  version: string;
  type: string;
}

export interface Snippet {
  title: string;
  note: string;
  code: string;
}

/** Which client the lines are for; both know the same calls. */
export type ClientName = "wandb" | "steelyard";

export function listSnippets(used: UsedVersion, client: ClientName): Snippet[] {
  const { entity, project, name, version, type } = used;
  const full = `${entity}/${project}/${name}:${version}`;
  const importLine = client === "wandb" ? "import wandb" : "import steelyard as wandb";
  return [
    {
      title: "In a run",
      note: "Fetches the files and remembers that the run used them.",
      code: [
        importLine,
        "",
        `with wandb.init(project=${quote(project)}) as run:`,
        `    artifact = run.use_artifact(${quote(full)}, type=${quote(type)})`,
        "    folder = artifact.download()",
      ].join("\n"),
    },
    {
      title: "Without a run",
      note: "Fetches the files only.",
      code: [
        importLine,
        "",
        `artifact = wandb.Api().artifact(${quote(full)})`,
        "folder = artifact.download()",
      ].join("\n"),
    },
    {
      title: "In a shell",
      note: "Into a folder of your choice.",
      code: `${client} artifact get ${quoteShell(full)} --root ${quoteShell(name)}`,
    },
    {
      title: "Log a next version",
      note: "Equal files are not sent again; equal content makes no new version.",
      code: [
        importLine,
        "",
        `with wandb.init(entity=${quote(entity)}, project=${quote(project)}) as run:`,
        `    artifact = wandb.Artifact(${quote(name)}, type=${quote(type)})`,
        '    artifact.add_dir("FOLDER")',
        "    run.log_artifact(artifact)",
      ].join("\n"),
    },
  ];
}

/** A Python string literal; JSON's escapes are Python's too. */
function quote(text: string): string {
  return JSON.stringify(text);
}

function quoteShell(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
