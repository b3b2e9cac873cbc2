// SPDX-License-Identifier: Apache-2.0
// The plainest view: every backend's state, again whenever something happens.
const table = document.getElementById("backends");
const status = document.getElementById("status");

async function show() {
  const state = await (await fetch("/view/api/state")).json();
  const rows = state.maglevds.flatMap((m) => [
    [m.name, m.connected ? "connected" : m.last_error],
    ...m.backends.map((b) => [b.name, b.state]),
  ]);
  table.replaceChildren(...rows.map((cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map((text) => Object.assign(document.createElement("td"), { textContent: text })));
    return row;
  }));
  return state.event_id;
}

const events = new EventSource(`/view/api/events?last_event_id=${await show()}`);
for (const type of ["backend", "maglevd-status", "resync"])
  events.addEventListener(type, show);
events.onopen = () => (status.textContent = "live");
events.onerror = () => (status.textContent = "connection lost");
