import { DropdownMenu as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { Link } from "react-router";
import { classes } from "./classes";
import { Icon, type IconName } from "./Icon";
import styles from "./Menu.module.css";

interface MenuProps {
  /** The button that opens it; must pass on props and ref. */
  trigger: ReactNode;
  align?: "start" | "end";
  children: ReactNode;
}

export function Menu({ trigger, align = "start", children }: MenuProps) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content className={styles.menu} align={align} sideOffset={4} collisionPadding={8}>
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

interface MenuItemProps {
  icon?: IconName;
  isDanger?: boolean;
  isDisabled?: boolean;
  onSelect?: () => void;
  /** Makes the item a link. */
  to?: string;
  children: ReactNode;
}

export function MenuItem({
  icon,
  isDanger = false,
  isDisabled = false,
  onSelect,
  to,
  children,
}: MenuItemProps) {
  const className = classes(styles.item, isDanger && styles.danger);
  const content = (
    <>
      {icon !== undefined && <Icon name={icon} size={14} />}
      {children}
    </>
  );
  return to === undefined ? (
    <Radix.Item className={className} disabled={isDisabled} onSelect={onSelect}>
      {content}
    </Radix.Item>
  ) : (
    <Radix.Item className={className} asChild>
      <Link to={to}>{content}</Link>
    </Radix.Item>
  );
}

interface MenuChoiceProps<T extends string> {
  label: string;
  value: T;
  choices: readonly { value: T; label: string; icon?: IconName }[];
  onChoose: (value: T) => void;
}

export function MenuChoice<T extends string>({
  label,
  value,
  choices,
  onChoose,
}: MenuChoiceProps<T>) {
  return (
    <Radix.RadioGroup value={value} onValueChange={(next) => onChoose(next as T)}>
      <MenuLabel>{label}</MenuLabel>
      {choices.map((choice) => (
        <Radix.RadioItem key={choice.value} value={choice.value} className={styles.item}>
          {choice.icon !== undefined && <Icon name={choice.icon} size={14} />}
          {choice.label}
          <Radix.ItemIndicator className={styles.mark}>
            <Icon name="check" size={14} />
          </Radix.ItemIndicator>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Radix.Label className={styles.label}>{children}</Radix.Label>;
}

export function MenuSeparator() {
  return <Radix.Separator className={styles.separator} />;
}
