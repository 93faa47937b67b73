import { useEffect, useRef } from "react";
import { serverPath } from "../api/base";
import styles from "./SandboxFrame.module.css";

interface SandboxFrameProps {
  title: string;
  /** Markup that nobody has checked. */
  html: string;
  /**
   * Lets its scripts run, in a page of its own without our origin, cookies or network. Without them the markup is only
   * laid out.
   */
  withScripts?: boolean;
  height?: number;
}

/** Shows what users logged as HTML or SVG where it can reach nothing of ours. */
export function SandboxFrame({ title, html, withScripts = false, height }: SandboxFrameProps) {
  const style = height === undefined ? undefined : { height };
  if (!withScripts) {
    return <iframe className={styles.frame} style={style} title={title} sandbox="" srcDoc={html} />;
  }
  return <ScriptedFrame title={title} html={html} style={style} />;
}

interface ScriptedFrameProps {
  title: string;
  html: string;
  style: { height: number } | undefined;
}

/** `srcdoc` would inherit our policy, which runs no inline script; frame.html has one of its own. */
function ScriptedFrame({ title, html, style }: ScriptedFrameProps) {
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    const listen = (event: MessageEvent) => {
      const target = frame.current?.contentWindow;
      if (target === null || target === undefined || event.source !== target) return;
      // A sandboxed page has no origin that could be named; it gets nothing but its own markup.
      if (event.data === "steelyard-frame-ready") target.postMessage({ html }, "*");
    };
    addEventListener("message", listen);
    return () => removeEventListener("message", listen);
  }, [html]);
  return (
    <iframe
      key={html}
      ref={frame}
      className={styles.frame}
      style={style}
      title={title}
      sandbox="allow-scripts"
      src={serverPath("/frame.html")}
    />
  );
}
