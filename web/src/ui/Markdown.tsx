import type { ReactNode } from "react";
import styles from "./Markdown.module.css";

/** Blocks of Markdown that people write in notes and answers. Markup in HTML stays text. */
type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "code"; text: string }
  | { kind: "list"; isOrdered: boolean; items: string[] }
  | { kind: "quote" | "paragraph"; text: string }
  | { kind: "rule" };

const LIST_ITEM = /^\s*([-*+]|\d+[.)])\s+(.*)$/;

export function parseBlocks(source: string): Block[] {
  const lines = source.replaceAll("\r\n", "\n").split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? "";
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (line.trim() === "") at++;
    else if (line.startsWith("```")) {
      let end = at + 1;
      while (end < lines.length && !lines[end]?.startsWith("```")) end++;
      blocks.push({ kind: "code", text: lines.slice(at + 1, end).join("\n") });
      at = end + 1;
    } else if (heading !== null) {
      blocks.push({ kind: "heading", level: heading[1]?.length ?? 1, text: heading[2] ?? "" });
      at++;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      blocks.push({ kind: "rule" });
      at++;
    } else if (LIST_ITEM.test(line)) {
      const items: string[] = [];
      const isOrdered = /^\s*\d/.test(line);
      for (; at < lines.length && lines[at]?.trim() !== ""; at++) {
        const item = LIST_ITEM.exec(lines[at] ?? "");
        if (item !== null) items.push(item[2] ?? "");
        else items.push(`${items.pop() ?? ""} ${lines[at]?.trim()}`);
      }
      blocks.push({ kind: "list", isOrdered, items });
    } else {
      const kind = line.startsWith(">") ? "quote" : "paragraph";
      const start = at;
      while (at < lines.length && lines[at]?.trim() !== "" && !isBlockStart(lines[at] ?? "", kind))
        at++;
      if (at === start) at++;
      const text = lines.slice(start, at).map((each) => each.replace(/^>\s?/, ""));
      blocks.push({ kind, text: text.join("\n") });
    }
  }
  return blocks;
}

function isBlockStart(line: string, within: "quote" | "paragraph"): boolean {
  if (line.startsWith(">")) return within === "paragraph";
  return within === "quote" || /^(#{1,6}\s|```)/.test(line) || LIST_ITEM.test(line);
}

/** Text written in Markdown. */
export function Markdown({ source }: { source: string }) {
  return (
    <div className={styles.text}>
      {parseBlocks(source).map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks have no identity but their place
        <BlockView key={index} block={block} />
      ))}
    </div>
  );
}

function BlockView({ block }: { block: Block }) {
  switch (block.kind) {
    case "heading":
      // Not a heading of the page: the text may stand anywhere in it.
      return (
        <p className={styles.heading} data-level={Math.min(3, block.level)}>
          <Inline text={block.text} />
        </p>
      );
    case "code":
      return <pre>{block.text}</pre>;
    case "list": {
      const List = block.isOrdered ? "ol" : "ul";
      return (
        <List>
          {block.items.map((item, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: items have no identity but their place
            <li key={index}>
              <Inline text={item} />
            </li>
          ))}
        </List>
      );
    }
    case "quote":
      return (
        <blockquote>
          <Inline text={block.text} />
        </blockquote>
      );
    case "rule":
      return <hr />;
    case "paragraph":
      return (
        <p>
          <Inline text={block.text} />
        </p>
      );
  }
}

const INLINE =
  /(`+)(.+?)\1|\*\*(.+?)\*\*|__(.+?)__|\*([^*\s][^*]*)\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/s;

function Inline({ text }: { text: string }): ReactNode {
  const match = INLINE.exec(text);
  if (match === null) return text;
  const [whole, , code, bold, strong, italic, label, address] = match;
  const rest = text.slice(match.index + whole.length);
  return (
    <>
      {text.slice(0, match.index)}
      {code !== undefined ? (
        <code>{code}</code>
      ) : address !== undefined ? (
        <a href={address} target="_blank" rel="noopener noreferrer nofollow">
          {label}
        </a>
      ) : italic !== undefined ? (
        <em>
          <Inline text={italic} />
        </em>
      ) : (
        <strong>
          <Inline text={bold ?? strong ?? ""} />
        </strong>
      )}
      {rest !== "" && <Inline text={rest} />}
    </>
  );
}

const LOOKS_LIKE = /(^|\n)(#{1,6} |```|[-*+] |\d+\. |> )|\*\*[^*\n]+\*\*|`[^`\n]+`|\]\(https?:/;

/** Whether a text has any mark that Markdown would show otherwise. */
export function looksLikeMarkdown(text: string): boolean {
  return LOOKS_LIKE.test(text.slice(0, 20_000));
}
