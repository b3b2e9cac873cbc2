// SPDX-License-Identifier: Apache-2.0
// The dashboard's paths, for browsers.
import type { LinkIo, StreamHandlers } from "../model/link";
import {
  type Backend,
  type BackendAction,
  type ConfigResult,
  EVENT_TYPES,
  type Frontend,
  type LogLevel,
  type Snapshot,
  type State,
  type SyncResult,
  type Version,
} from "../model/types";

const part = encodeURIComponent;

/** The server's own sentence, or what the browser says. */
async function answer<T>(request: Promise<Response>): Promise<T> {
  const response = await request;
  if (response.ok) return (await response.json()) as T; // one that breaks off is no answer
  const body: unknown = await response.json().catch(() => null);
  const error = (body as { error?: unknown } | null)?.error;
  throw new Error(
    typeof error === "string" && error ? error : `the dashboard answered ${response.status}`,
  );
}

const read = <T>(path: string, stop: AbortSignal | null = null): Promise<T> =>
  answer<T>(fetch(path, { cache: "no-store", signal: stop }));

const post = <T>(path: string, body: unknown = {}): Promise<T> =>
  answer<T>(
    fetch(`/admin/api/${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }),
  );

export const readVersion = (): Promise<Version> => read<Version>("/view/api/version");

export const postBackend = (
  maglevd: string,
  backend: string,
  action: BackendAction,
): Promise<Backend> => post(`${part(maglevd)}/backend/${part(backend)}/${action}`);

export function postWeight(
  maglevd: string,
  at: { frontend: string; pool: string; backend: string },
  weight: number,
  flush: boolean,
): Promise<Frontend> {
  const pool = `frontend/${part(at.frontend)}/pool/${part(at.pool)}`;
  return post(`${part(maglevd)}/${pool}/backend/${part(at.backend)}/weight`, { weight, flush });
}

export const postSync = (maglevd: string): Promise<SyncResult> => post(`${part(maglevd)}/sync`);

export const postConfig = (maglevd: string, what: "check" | "reload"): Promise<ConfigResult> =>
  post(`${part(maglevd)}/config/${what}`);

function openStream(path: string, lastId: string, handlers: StreamHandlers): { close(): void } {
  const source = new EventSource(`${path}last_event_id=${part(lastId)}`);
  source.onopen = () => handlers.open();
  source.onerror = () => handlers.error(source.readyState === EventSource.CLOSED);
  for (const type of EVENT_TYPES)
    source.addEventListener(type, (e) =>
      handlers.event(type, e.lastEventId, JSON.parse(e.data as string)),
    );
  return source;
}

/** `log`: the level that an administrator wants; null: the view's stream. */
export function browserIo(log: () => LogLevel | null): LinkIo {
  return {
    fetchAll: (stop) => read<Snapshot>("/view/api/state", stop),
    fetchOne: (maglevd, stop) => read<State>(`/view/api/state/${part(maglevd)}`, stop),
    openStream: (lastId, handlers) => {
      const level = log();
      const path = level ? `/admin/api/events?log=${level}&` : "/view/api/events?";
      return openStream(path, lastId, handlers);
    },
    after: (ms, run) => void setTimeout(run, ms),
  };
}
