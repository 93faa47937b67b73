import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { pathOf, request } from "~/api/client";
import type { MetricKey, Page } from "~/api/types";
import { Button } from "~/ui/Button";
import { Menu, MenuChoice, MenuLabel, MenuSeparator } from "~/ui/Menu";
import type { ChartAxis } from "./LinePanel";

interface AxisMenuProps {
  value: ChartAxis;
  entity: string;
  project: string;
  stream: "history" | "system";
  onChoose: (axis: ChartAxis) => void;
}

const FIXED = [
  { value: "step", label: "Step" },
  { value: "relative", label: "Relative time" },
  { value: "wall", label: "Wall time" },
] as const;
const METRIC_PREFIX = "metric:";
/** Metrics offered in the menu: those most runs have. Any other key works through the URL. */
const OFFERED_MAX = 40;

export function AxisMenu({ value, entity, project, stream, onChoose }: AxisMenuProps) {
  const [isOpened, setIsOpened] = useState(false);
  const metrics = useQuery({
    queryKey: ["keys", entity, project, stream, "axis"],
    queryFn: ({ signal }) =>
      request<Page<MetricKey>>(pathOf("api", "v1", entity, project, "keys"), {
        query: { stream, limit: OFFERED_MAX },
        signal,
      }),
    enabled: isOpened,
  });
  const keys = (metrics.data?.items ?? []).filter((item) => item.kind === "number");
  const chosen = value.axis === "metric" ? METRIC_PREFIX + value.key : value.axis;
  const label = FIXED.find((choice) => choice.value === value.axis)?.label ?? value.key;
  const choose = (text: string) => {
    if (text === "step" || text === "relative" || text === "wall") onChoose({ axis: text });
    else onChoose({ axis: "metric", key: text.slice(METRIC_PREFIX.length) });
  };
  return (
    <Menu
      trigger={
        <Button onPointerDown={() => setIsOpened(true)} onFocus={() => setIsOpened(true)}>
          <span>x: {label}</span>
        </Button>
      }
    >
      <MenuChoice label="X axis" value={chosen} choices={FIXED} onChoose={choose} />
      {keys.length > 0 && (
        <>
          <MenuSeparator />
          <MenuChoice
            label="Metric"
            value={chosen}
            choices={keys.map(({ key }) => ({ value: METRIC_PREFIX + key, label: key }))}
            onChoose={choose}
          />
        </>
      )}
      {metrics.isPending && <MenuLabel>Reading metrics…</MenuLabel>}
    </Menu>
  );
}
