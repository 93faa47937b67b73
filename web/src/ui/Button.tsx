import type { ButtonHTMLAttributes, Ref } from "react";
import { Link, type LinkProps } from "react-router";
import styles from "./Button.module.css";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";

type Look = "default" | "primary" | "danger" | "ghost";

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: Look;
  icon?: IconName;
  isBusy?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

/** While busy it keeps its width and focus, and a second press does nothing. */
export function Button({
  look = "default",
  icon,
  isBusy = false,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  return (
    <button
      type="button"
      className={classes(styles.button, styles[look], className)}
      aria-busy={isBusy || undefined}
      aria-disabled={isBusy || undefined}
      onClick={isBusy ? (event) => event.preventDefault() : onClick}
      {...rest}
    >
      {icon !== undefined && <Icon name={icon} size={14} />}
      {children}
    </button>
  );
}

interface IconButtonProps extends Omit<ButtonHTMLAttributes<HTMLButtonElement>, "children"> {
  icon: IconName;
  /** Read by screen readers and shown as the title. */
  label: string;
  isPressed?: boolean;
  ref?: Ref<HTMLButtonElement>;
}

export function IconButton({ icon, label, isPressed, className, ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      className={classes(styles.icon, className)}
      aria-label={label}
      aria-pressed={isPressed}
      title={label}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}

interface LinkButtonProps extends LinkProps {
  look?: Look;
  icon?: IconName;
}

export function LinkButton({
  look = "default",
  icon,
  className,
  children,
  ...rest
}: LinkButtonProps) {
  return (
    <Link className={classes(styles.button, styles[look], className)} {...rest}>
      {icon !== undefined && <Icon name={icon} size={14} />}
      {children}
    </Link>
  );
}
