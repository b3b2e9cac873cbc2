// SPDX-License-Identifier: Apache-2.0
// What the dashboard serves: docs/dashboard-api.md, in its order. Moments (`…_ms`) are Unix
// milliseconds, 0 is never.

export interface Version {
  version: string;
  commit: string;
  build_date: string;
  admin_enabled: boolean;
}

export interface MaglevdStatus {
  name: string;
  address: string;
  connected: boolean;
  last_error: string;
  since_ms: number;
}

export interface State extends MaglevdStatus {
  event_id?: string;
  loaded: boolean;
  refreshed_ms: number;
  daemon: { version: string; commit: string; build_date: string; started_ms: number } | null;
  frontends: Frontend[];
  backends: Backend[];
  healthchecks: HealthCheck[];
  vpp: Vpp;
  lb: Lb | null;
  counters: Counters | null;
}

export interface Snapshot {
  event_id: string;
  maglevds: State[];
}

export type FrontendState = "unknown" | "up" | "down";
export type BackendState = "unknown" | "up" | "down" | "paused" | "disabled" | "removed";

export interface Frontend {
  name: string;
  description: string;
  address: string;
  protocol: string;
  port: number;
  src_ip_sticky: boolean;
  flush_on_down: boolean;
  state: FrontendState;
  active_pool: string;
  flow_table_length: number;
  released: boolean;
  pools: Pool[];
}

export interface Pool {
  name: string;
  backends: PoolBackend[];
}

export interface PoolBackend {
  name: string;
  weight: number;
  effective_weight: number;
  buckets: number;
}

export interface Backend {
  name: string;
  address: string;
  state: BackendState;
  enabled: boolean;
  healthcheck: string;
  counter: number;
  counter_max: number;
  since_ms: number;
  last_transition: Transition | null;
  last_probe: Probe | null;
  frontends: string[];
  cert_not_after_ms: number;
  transitions?: Transition[];
}

export interface Transition {
  from: string;
  to: string;
  at_ms: number;
  code: string;
  detail: string;
}

export interface Probe {
  outcome: "pass" | "fail" | "inconclusive";
  code: string;
  detail: string;
  at_ms: number;
  duration_ms: number;
}

export interface HealthCheck {
  name: string;
  type: string;
  port: number;
  interval_ms: number;
  fast_interval_ms: number;
  down_interval_ms: number;
  timeout_ms: number;
  rise: number;
  fall: number;
}

export interface Vpp {
  connected: boolean;
  error: string;
  version: string;
  build_date: string;
  pid: number;
  boot_ms: number;
  connect_ms: number;
}

export interface LbConf {
  ipv4_src_address: string;
  ipv6_src_address: string;
  sticky_buckets_per_core: number;
  flow_timeout_s: number;
}

export interface VipKey {
  prefix: string;
  protocol: string;
  port: number;
}

export interface LbVip extends VipKey {
  encap: string;
  flow_table_length: number;
  src_ip_sticky: boolean;
  frontend: string;
  application_servers: LbAs[];
}

export interface LbAs {
  address: string;
  weight: number;
  buckets: number;
  backend: string;
}

export interface Lb {
  at_ms: number;
  conf: LbConf | null;
  vips: LbVip[];
}

export interface VipCounters extends VipKey {
  frontend: string;
  first_packets: number;
  next_packets: number;
  untracked_packets: number;
  no_server_packets: number;
  route_packets: number;
  route_bytes: number;
}

export interface Counters {
  at_ms: number;
  vips: VipCounters[];
}

// Events, by the SSE event's name; `maglevd` says whose.

export interface EventData {
  backend: Transition & { maglevd: string; backend: string; enabled: boolean };
  frontend: {
    maglevd: string;
    frontend: string;
    from: FrontendState;
    to: FrontendState;
    at_ms: number;
    info: Frontend;
  };
  log: {
    maglevd: string;
    at_ms: number;
    level: LogLevel;
    msg: string;
    attrs: [key: string, value: string][];
  };
  "maglevd-status": Omit<MaglevdStatus, "name"> & { maglevd: string };
  "vpp-status": Vpp & { maglevd: string };
  "lb-state": Lb & { maglevd: string; removed: VipKey[] };
  resync: { maglevd: string; reason: string };
  heartbeat: {
    maglevd: string;
    at_ms: number;
    in_flight: string[];
    probes: [backend: string, code: string, duration_ms: number][];
    vpp_sent: number;
    vpp_received: number;
    omitted: number;
  };
  counters: Counters & { maglevd: string };
}

export type LogLevel = "debug" | "info" | "warn" | "error";
export type EventType = keyof EventData;
export type PageEvent = {
  [T in EventType]: { type: T; id: string; data: EventData[T] };
}[EventType];

export const EVENT_TYPES: readonly EventType[] = [
  "backend",
  "frontend",
  "log",
  "maglevd-status",
  "vpp-status",
  "lb-state",
  "resync",
  "heartbeat",
  "counters",
];

export type BackendAction = "pause" | "resume" | "enable" | "disable";

export interface SyncResult {
  vip_added: number;
  vip_removed: number;
  as_added: number;
  as_removed: number;
  as_weight_updated: number;
  errors: number;
}

export interface ConfigResult {
  ok: boolean;
  parse_error: string;
  semantic_error: string;
  warnings: string[];
  reload_error?: string;
}
