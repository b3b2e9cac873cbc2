// SPDX-License-Identifier: Apache-2.0
import type { Health, HealthKind } from "../model/health";

/** A shape of its own for each, for those who do not see the colours. */
const SHAPES: Record<HealthKind, string> = {
  fine: "M6 12.5 10.2 16.5 18 8",
  disagree: "M6 9.5h12M6 14.5h12M16 5 8 19",
  drained: "M12 5v11M7 11.5l5 5 5-5M6 19.5h12",
  partial: "M12 6v7.5M12 17.2v.3",
  unknown: "M8.8 9.2a3.2 3.2 0 1 1 4.4 3c-.8.4-1.2.9-1.2 1.8v.3M12 17.6v.2",
};

const NAMES: Record<HealthKind, string> = {
  fine: "fine",
  disagree: "buckets and weights disagree",
  drained: "primary pool drained",
  partial: "some backend is not up",
  unknown: "unknown",
};

export function HealthIcon(props: { health: Health }) {
  const label = (): string => `${NAMES[props.health.kind]}: ${props.health.why}`;
  return (
    <span
      class={`health health-icon-${props.health.kind}`}
      role="img"
      aria-label={label()}
      title={props.health.why}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <circle cx="12" cy="12" r="11" />
        <path d={SHAPES[props.health.kind]} />
      </svg>
    </span>
  );
}
