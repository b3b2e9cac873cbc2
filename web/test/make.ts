// SPDX-License-Identifier: Apache-2.0
// A small maglevd to try things on: www has web-a and web-b, and spare in a second pool.
import type { Backend, BackendState, Frontend, LbVip, State } from "../src/model/types";

export function backend(name: string, address: string, state: BackendState = "up"): Backend {
  return {
    name,
    address,
    state,
    enabled: true,
    healthcheck: "web",
    counter: 3,
    counter_max: 3,
    since_ms: 1000,
    last_transition: null,
    last_probe: null,
    frontends: ["www"],
    cert_not_after_ms: 0,
  };
}

export function frontend(): Frontend {
  return {
    name: "www",
    description: "",
    address: "203.0.113.80",
    protocol: "tcp",
    port: 80,
    src_ip_sticky: false,
    flush_on_down: true,
    state: "up",
    active_pool: "primary",
    flow_table_length: 1024,
    released: true,
    pools: [
      {
        name: "primary",
        backends: [
          { name: "web-a", weight: 100, effective_weight: 100, buckets: 474 },
          { name: "web-b", weight: 70, effective_weight: 70, buckets: 350 },
          { name: "web-c", weight: 40, effective_weight: 40, buckets: 200 },
        ],
      },
      {
        name: "fallback",
        backends: [{ name: "spare", weight: 100, effective_weight: 0, buckets: 0 }],
      },
    ],
  };
}

export function vip(): LbVip {
  const as = (
    name: string,
    n: number,
    weight: number,
    buckets: number,
  ): LbVip["application_servers"][0] => ({
    address: `198.51.100.${n}`,
    weight,
    buckets,
    backend: name,
  });
  return {
    prefix: "203.0.113.80/32",
    protocol: "tcp",
    port: 80,
    encap: "gre4",
    flow_table_length: 1024,
    src_ip_sticky: false,
    frontend: "www",
    application_servers: [
      as("web-a", 10, 100, 474),
      as("web-b", 11, 70, 350),
      as("web-c", 12, 40, 200),
      as("spare", 13, 0, 0),
    ],
  };
}

export function state(name = "one"): State {
  return {
    name,
    address: "localhost:9090",
    connected: true,
    last_error: "",
    since_ms: 1,
    loaded: true,
    refreshed_ms: 1,
    daemon: null,
    frontends: [frontend()],
    backends: [
      backend("spare", "198.51.100.13"),
      backend("web-a", "198.51.100.10"),
      backend("web-b", "198.51.100.11"),
      backend("web-c", "198.51.100.12"),
    ],
    healthchecks: [],
    vpp: {
      connected: true,
      error: "",
      version: "",
      build_date: "",
      pid: 1,
      boot_ms: 1,
      connect_ms: 1,
    },
    lb: { at_ms: 1, conf: null, vips: [vip()] },
    counters: null,
  };
}
